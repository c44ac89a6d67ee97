"""Bodies of requests: read up to a limit of bytes and time, with a limit of nesting, before anything parses them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tts.serve.errors import body_late, too_deep, too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
DISCARDED, DISCARD_S = 8, 2.0
"""The part of a body that is too large which is read and thrown away, so that its sender reads the refusal: this many
times the limit, and seconds."""
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class ClientGone(Exception):  # noqa: N818 - an event, not an error
    """The client left before its body had arrived."""


async def read_body(receive: Receive, headers: Iterable[tuple[bytes, bytes]], *, most: int, seconds: float) -> bytes:
    """Return the body of a request.

    Args:
        receive: the ASGI channel.
        headers: those of the request.
        most: the most bytes.
        seconds: the time in which it must have arrived.

    Raises:
        ApiError: it is larger, or late.
        ClientGone: the client left.
    """
    length = next((value for name, value in headers if name == b"content-length"), b"0")
    above = not length.isdigit() or len(length) > 18 or int(length) > most
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(DISCARD_S if above else seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                size += len(part)
                above = above or size > most
                if above:
                    parts.clear()
                else:
                    parts.append(part)
                if size > DISCARDED * most or not message.get("more_body", False):
                    break
    except TimeoutError:
        if not above:
            raise body_late(seconds) from None
    if above:
        raise too_large(most)
    return b"".join(parts)


def check_depth(body: bytes, most: int) -> None:
    """Refuse JSON that is nested too deep, in time linear in its size.

    Raises:
        ApiError: it is.
    """
    if body.count(b"[") + body.count(b"{") <= most:
        return
    depth = 0
    for match in _BRACKETS.finditer(_TEXTS.sub(b"", body)):
        depth += 1 if match[0] in b"[{" else -1
        if depth > most:
            raise too_deep(most)
