"""Server-sent events: a response whose parts are sent as they come, with comment lines while nothing comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import Response

KEEP_ALIVE_S = 5.0
"""Seconds of silence after which a comment line is sent, so that nothing between closes the connection."""
WAITING = b": waiting\n\n"
DONE = b"data: [DONE]\n\n"
HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


def event(content: Any) -> bytes:
    """Return one event."""
    return f"data: {json.dumps(content)}\n\n".encode()


class EventStream(Response):
    """A stream of events; its generator is closed when the stream ends, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        """Take the events."""
        super().__init__(headers=HEADERS, media_type=self.media_type)
        del self.headers["content-length"]
        self._events = events

    async def __call__(
        self, scope: Any, receive: Any, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]
    ) -> None:
        """Send the events."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for part in self._events:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def waited(work: asyncio.Future[Any], every_s: float) -> AsyncIterator[bytes]:
    """Yield a comment line each time that work has taken some seconds more; it is cancelled with the stream."""
    try:
        while not work.done():
            await asyncio.wait((work,), timeout=every_s)
            if not work.done():
                yield WAITING
    finally:
        work.cancel()
