"""The gate in front of every route: keys, limits, errors, the log, and the end of work whose client has left.

A raw ASGI middleware, as one that wraps responses would hide the client's leaving and hold streams back.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from uuid import uuid4

from tts.serve.body import ClientGone, Receive, check_depth, read_body
from tts.serve.errors import GONE, Failure, bad_request, failure_of, no_key, not_allowed, wrong_key
from tts.serve.keys import Key
from tts.serve.listening import is_loopback
from tts.serve.state import State

LOG = logging.getLogger("tts.serve")
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
OPEN = ("/healthz",)
"""The paths that need no key."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_ID = re.compile(r"[\w.\-]{1,64}", re.ASCII)


class Gate:
    """The middleware."""

    def __init__(self, app: App, state: State, direct: Mapping[tuple[str, str], App]) -> None:
        """Take the application, the state, and routes by method and path that need nothing of the application."""
        self._app, self._state, self._direct = app, state, direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        exchange = Exchange(given if _ID.fullmatch(given) else uuid4().hex, send, self._state)
        scope.setdefault("state", {}).update(request_id=exchange.id, exchange=exchange, key=None)
        try:
            scope["state"]["key"] = self._admit(scope["path"], headers)
            await self._serve(scope, headers, receive, exchange)
        except ClientGone:
            exchange.status = GONE
        except Exception as error:
            await self._fail(exchange, error)
        finally:
            self._log(scope, exchange)

    def _admit(self, path: str, headers: dict[str, str]) -> Key | None:
        """Return the key of a request, or None where none is needed.

        Raises:
            ApiError: there is none, or another, or a foreign page reaches for a server without keys.
        """
        if path in OPEN:
            return None
        if not self._state.keys:
            host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
            if host and not is_loopback(host) and host != self._state.config.host:
                raise not_allowed(
                    "this server has no keys and answers for its own address alone: ask it by 127.0.0.1 or localhost",
                    "host_not_allowed",
                )
            return None
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise no_key()
        key = self._state.keys.find(text.strip())
        if key is None:
            raise wrong_key()
        return key

    async def _serve(self, scope: Scope, headers: dict[str, str], receive: Receive, exchange: Exchange) -> None:
        """Read the body, and play the route until it ends or the client leaves.

        Raises:
            ClientGone: the client left; nothing runs any more.
            Exception: of the route.
        """
        limits, body = self._state.config.limits, b""
        if scope["method"] not in ("GET", "HEAD") or "content-length" in headers or "transfer-encoding" in headers:
            body = await read_body(receive, scope["headers"], most=limits.body_bytes, seconds=limits.body_s)
            check_depth(body, limits.depth)
        if body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise bad_request("the body must be JSON: send the header Content-Type: application/json", "content-type")
        sent = False

        async def replay() -> MutableMapping[str, Any]:
            nonlocal sent
            if sent:
                await asyncio.get_running_loop().create_future()  # the client's leaving is seen below
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        app = self._direct.get((scope["method"], scope["path"]), self._app)
        work = asyncio.ensure_future(app(scope, replay, exchange.send))
        gone = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and exchange.whole:
                await asyncio.wait((work,))  # the server reports an answer's end as the client's leaving
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
                if work.cancelled() or exchange.status is None:
                    raise ClientGone
            work.result()
        finally:
            gone.cancel()
            work.cancel()

    async def _fail(self, exchange: Exchange, error: Exception) -> None:
        """Answer with the row of the error table; an answer that has begun is cut off."""
        failure = reported(error, exchange, self._state)
        if exchange.status is None:
            await exchange.answer(failure)

    def _log(self, scope: Scope, exchange: Exchange) -> None:
        """Log the request and count it; a path that no route has is no part of either."""
        route, facts = getattr(scope.get("route"), "path", "-"), exchange.facts
        seconds, status = time.perf_counter() - exchange.began, exchange.status or GONE
        method = scope["method"] if scope["method"] in METHODS else "-"
        more = "".join(f" {name}={value}" for name, value in facts.items())
        LOG.info(
            "%s %s %s %s %.3f s%s", exchange.id, method, route, status, seconds, f" {exchange.code}{more}".rstrip()
        )
        named = str(facts.get("model", "-")), str(facts.get("strategy", "-"))
        self._state.metrics.request(route, *named, status, seconds)


class Exchange:
    """One request and its answer.

    Attributes:
        id: names the request.
        status: the status that was sent; None before.
        whole: whether the last byte of the answer was sent.
        code: the error's code; empty for none.
        facts: further names and values for the log, none of them a text of the request.
        began: when it began.
    """

    def __init__(self, id: str, send: Send, state: State) -> None:
        """Take the ASGI channel, and the state, which knows when the server ends."""
        self.id, self._send, self._state = id, send, state
        self.status: int | None = None
        self.code, self.whole = "", False
        self.facts: dict[str, object] = {}
        self.began = time.perf_counter()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send a part of the answer, with the request's id in its headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            closing = [(b"connection", b"close")] if self._state.ending else []
            message = {**message, "headers": [*message["headers"], (b"x-request-id", self.id.encode()), *closing]}
        await self._send(message)
        self.whole = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def answer(self, failure: Failure) -> None:
        """Send an error."""
        body = failure.body
        headers = {"content-type": "application/json", "content-length": str(len(body)), **failure.headers}
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": failure.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})


def reported(error: Exception, exchange: Exchange, state: State) -> Failure:
    """Return the row of the error table for an exception; the log gets its code, and the traceback of a bug."""
    failure = failure_of(error, request_id=exchange.id, wait_s=state.wait_s)
    exchange.code = failure.code
    if failure.code == "internal":
        LOG.error("request %s failed: %s", exchange.id, _trace(error, texts=state.config.log_texts))
    return failure


async def _left(receive: Receive) -> None:
    """Return once the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _trace(error: Exception, *, texts: bool) -> str:
    """Return an exception and its traceback for the log; its text, which may hold a question, only on request."""
    text = f": {error}" if texts else ""
    return f"{type(error).__name__}{text}\n{''.join(traceback.format_tb(error.__traceback__))}"
