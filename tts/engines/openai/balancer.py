"""Load balancing over several servers of one model: the least loaded server is next, a failing one is paused.

Requests of one prompt stay on the server that had its first one, whose prefix cache holds it, while that server is
free.

Knows HTTP clients only as something that belongs to a server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tts.errors import EngineError

HOMES = 1 << 14
"""The prompts of late whose server is known."""
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
"""Pause of a server after a failure; it doubles with each failure in a row, up to the second number."""


@dataclass(slots=True, eq=False)
class Server:
    """One server.

    Attributes:
        url: its address.
        client: its HTTP client, once there is an event loop.
        running: requests that it is working on.
        failures: failures in a row.
        paused_until: end of its pause, by the event loop's clock.
        last_error: its last failure, for error messages.
    """

    url: str
    client: Any = None
    running: int = 0
    failures: int = 0
    paused_until: float = 0.0
    last_error: str = ""


class LoadBalancer:
    """Lends each request the least loaded server.

    Attributes:
        servers: all servers.
    """

    def __init__(self, servers: Sequence[Server], *, concurrency: int, outage_timeout_s: float) -> None:
        """Start with idle servers.

        Args:
            servers: at least one.
            concurrency: the most requests that one server works on at a time, >= 1.
            outage_timeout_s: seconds to wait for a server to answer again when all are paused, >= 0.
        """
        self.servers, self.concurrency, self.outage_timeout_s = tuple(servers), concurrency, outage_timeout_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._homes: dict[int, Server] = {}

    @asynccontextmanager
    async def lend(self, prompt: int | None = None) -> AsyncIterator[Server]:
        """Lend the least loaded server that is not paused; wait while all are at their limit.

        Args:
            prompt: a number that stands for the request's prompt, whose own server is lent while it is free; None
                for a request by itself.

        Raises:
            EngineError: all servers were paused for longer than ``outage_timeout_s``.
        """
        try:
            server = self._own(prompt) or await self._next_free()
        except BaseException:
            self._wake_next()  # it may have been this request's turn
            raise
        if prompt is not None and self._homes.get(prompt) is None:
            self._homes[prompt] = server
            if len(self._homes) > HOMES:
                del self._homes[next(iter(self._homes))]
        server.running += 1
        try:
            yield server
        finally:
            server.running -= 1
            self._wake_next()

    def _own(self, prompt: int | None) -> Server | None:
        """Return the server that had the first request of a prompt, if it is up, free, and nothing waits; else None."""
        home = None if prompt is None else self._homes.get(prompt)
        if home is None or self._waiting or home.running >= self.concurrency:
            return None
        if home.paused_until > asyncio.get_running_loop().time():
            self._homes.pop(prompt, None)  # type: ignore[arg-type]
            return None
        return home

    def mark_up(self, server: Server) -> None:
        """Record that a server answered."""
        server.failures, server.paused_until = 0, 0.0

    def mark_down(self, server: Server, reason: str) -> None:
        """Record that a server did not answer, or broke off an answer, and pause it, longer each time."""
        now, server.last_error = asyncio.get_running_loop().time(), reason
        if server.paused_until <= now:  # all of its requests fail at the same time: count them once
            server.failures += 1
            server.paused_until = now + min(MAX_PAUSE_S, FIRST_PAUSE_S * 2 ** (server.failures - 1))

    def _wake_next(self) -> None:
        """Wake the request that has waited longest."""
        while self._waiting:
            if not (waiting := self._waiting.popleft()).done():
                waiting.set_result(None)
                return

    async def _next_free(self) -> Server:
        loop = asyncio.get_running_loop()
        deadline, woken = loop.time() + self.outage_timeout_s, False
        while True:
            now = loop.time()
            up = [server for server in self.servers if server.paused_until <= now]
            free = [server for server in up if server.running < self.concurrency]
            if free:
                return min(free, key=lambda server: server.running)
            if up:  # they are busy: that is no outage
                deadline = now + self.outage_timeout_s
            elif now >= deadline:
                errors = "; ".join(f"{server.url}: {server.last_error}" for server in self.servers)
                raise EngineError(f"no server has answered for {self.outage_timeout_s:g} seconds ({errors})")
            pauses = [server.paused_until for server in self.servers if server.paused_until > now]
            until = min([*pauses, *([] if up else [deadline])], default=None)
            turn = loop.create_future()
            (self._waiting.appendleft if woken else self._waiting.append)(turn)
            try:
                async with asyncio.timeout_at(until):
                    await turn
                woken = True
            except TimeoutError:
                woken = False
