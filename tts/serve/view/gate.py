"""The gate in front of a view: its own host names and its token alone, and no bodies.

A raw ASGI middleware. The token is in the address that ``tts view`` prints; the page then has it in a cookie that other
sites cannot send and scripts cannot read. Other programs give it as ``Authorization: Bearer TOKEN``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from tts.serve.listening import host_of, is_loopback

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""The headers of every answer."""


class Gate:
    """The middleware."""

    def __init__(self, app: App, token: str, cookie: str) -> None:
        """Take the application, the token, and the name of the cookie."""
        self._app, self._digest, self._token, self._cookie = app, _digest(token), token, cookie

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with a sentence."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        fresh = self._is_token(given)
        refused = self._refusal(scope["method"], headers, fresh)

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = dict(HEADERS)
                if fresh and not refused:
                    more["set-cookie"] = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
                pairs = [(name.encode(), value.encode()) for name, value in more.items()]
                message = {**message, "headers": [*message.get("headers", []), *pairs]}
            await send(message)

        if refused:
            status, sentence = refused
            await answer(reply, status, f"{sentence}\n")
        else:
            await self._app(scope, receive, reply)

    def _refusal(self, method: str, headers: Mapping[str, str], fresh: bool) -> tuple[int, str] | None:
        """Return the status and the sentence by which a request is refused, or None."""
        if not is_loopback(host_of(headers.get("host", ""))):
            return 403, "this page answers for this machine alone: open it by 127.0.0.1 or localhost"
        own = headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        if not own and headers.get("sec-fetch-dest") != "document":
            return 403, "pages of other sites get nothing here: open the address that `tts view` printed"
        if not (fresh or self._is_token(self._other(headers))):
            return 403, "this page needs its token: open the address that `tts view` printed, with ?token= in it"
        if method not in ("GET", "HEAD"):
            return 405, "this page is only read: send GET"
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return 413, "requests here have no body: send GET without one"
        return None

    def _other(self, headers: Mapping[str, str]) -> str:
        """Return the token of the header or of the cookie; empty without one."""
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return text.strip()
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return "" if cookie is None else cookie.value

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(_digest(given), self._digest)


async def answer(send: Send, status: int, text: str) -> None:
    """Send a sentence."""
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
