"""One connection: uvicorn's, with a time limit for the head of a request, and errors in the shape of all others."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from tts.serve.errors import REQUEST, Failure

HEAD_S = 20.0
"""Seconds in which the head of a request must have arrived."""
LAST_S = 0.5
"""Seconds that a connection without a request stays open once the server ends: its request may be on its way."""
MALFORMED = Failure(400, REQUEST, "invalid_http", "this is no HTTP request that can be read")


class Connection(H11Protocol):
    """A connection that does not wait for ever."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._unwatch()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End behind the request that is being answered, or shortly, as one may be on its way."""
        if self._idle:
            self.loop.call_later(LAST_S, self._shut)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; behind a request that is being answered, close alone."""
        if not self._idle or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        body = MALFORMED.body
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        events: tuple[Any, ...] = (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    @property
    def _idle(self) -> bool:
        """True while no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        if not self._idle:
            self._unwatch()
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(HEAD_S, self._give_up)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _shut(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

    def _give_up(self) -> None:
        self._late = None
        if self._idle and not self.transport.is_closing():
            self.transport.close()
