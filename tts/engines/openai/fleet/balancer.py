"""Load balancing over several servers of one model: the least loaded server is next, a failing one is paused.

Requests of one prompt stay on the server that had its first one, whose prefix cache holds it, while that server is
free. Servers may join and leave; in a watched fleet, one that failed has no requests until it was looked at.

Knows HTTP clients only as something that belongs to a server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tts.engines.openai.fleet.protocol import ServerCounts
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
        listed: the address in the list, which may lack /v1.
        client: its HTTP client, once there is an event loop.
        at_once: the same client without a second attempt, for a watched fleet, whose watch makes it.
        running: requests that it is working on.
        failures: failures in a row.
        paused_until: end of its pause, by the event loop's clock.
        last_error: its last failure, for error messages.
        ready: whether it may have requests: it serves the model, and has not failed since in a watched fleet.
        known: whether its model and its features have been checked.
        left: whether it is no longer listed; it finishes its requests.
    """

    url: str
    listed: str = ""
    client: Any = None
    at_once: Any = None
    running: int = 0
    failures: int = 0
    paused_until: float = 0.0
    last_error: str = ""
    ready: bool = True
    known: bool = True
    left: bool = False


class LoadBalancer:
    """Lends each request the least loaded server.

    Attributes:
        servers: all servers.
        failed: set when a server of a watched fleet fails.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        *,
        concurrency: int,
        outage_timeout_s: float,
        max_pause_s: float | None = None,
        watched: bool = False,
    ) -> None:
        """Start with idle servers.

        Args:
            servers: at least one.
            concurrency: the most requests that one server works on at a time, >= 1.
            outage_timeout_s: seconds to wait for a server to answer again when all are paused, >= 0.
            max_pause_s: the longest pause of a server, > 0; None takes the usual one.
            watched: whether a server that failed has no requests before :meth:`admit`.
        """
        self.servers, self.concurrency, self.outage_timeout_s = tuple(servers), concurrency, outage_timeout_s
        self.failed = asyncio.Event()
        self._max_pause_s, self._watched = max_pause_s, watched
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._resized: list[Callable[[int], None]] = []
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
        if home.left or not _is_up(home, asyncio.get_running_loop().time()):
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
            most = self._max_pause_s or MAX_PAUSE_S
            server.paused_until = now + min(most, FIRST_PAUSE_S * 2 ** min(server.failures - 1, 10))
        if self._watched:
            server.ready = False
            self.failed.set()

    def add(self, server: Server) -> None:
        """Take a server that joins; it has requests once it is admitted."""
        self._list((*self.servers, server))

    def remove(self, server: Server) -> None:
        """Give a server that leaves no further requests."""
        server.left = True
        self._list(tuple(other for other in self.servers if other is not server))

    def _list(self, servers: tuple[Server, ...]) -> None:
        self.servers = servers
        for receive in self._resized:
            receive(self.concurrency * len(servers))

    def admit(self, server: Server) -> None:
        """Give a server requests, those that wait first."""
        server.ready, server.known, server.paused_until = True, True, 0.0
        for _ in range(self.concurrency - server.running):
            self._wake_next()

    def when_resized(self, receive: Callable[[int], None]) -> None:
        """Pass on the number of requests that the servers work on at a time, now and whenever their list changes."""
        self._resized.append(receive)
        receive(self.concurrency * len(self.servers))

    def has_others(self, server: Server) -> bool:
        """Return whether another server may have requests."""
        return any(other.ready for other in self.servers if other is not server)

    @property
    def counts(self) -> ServerCounts:
        """The numbers of servers."""
        up = sum(server.ready and (self._watched or not server.failures) for server in self.servers)
        return ServerCounts(up=up, listed=len(self.servers))

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
            up = [server for server in self.servers if _is_up(server, now)]
            free = [server for server in up if server.running < self.concurrency]
            if free:
                return min(free, key=lambda server: server.running)
            if up:  # they are busy: that is no outage
                deadline = now + self.outage_timeout_s
            elif now >= deadline:
                errors = "; ".join(f"{server.url}: {server.last_error or 'not seen yet'}" for server in self.servers)
                raise EngineError(f"no server has answered for {self.outage_timeout_s:g} seconds ({errors})")
            pauses = [server.paused_until for server in self.servers if server.ready and server.paused_until > now]
            until = min([*pauses, *([] if up else [deadline])], default=None)
            turn = loop.create_future()
            (self._waiting.appendleft if woken else self._waiting.append)(turn)
            try:
                async with asyncio.timeout_at(until):
                    await turn
                woken = True
            except TimeoutError:
                woken = False


def _is_up(server: Server, now: float) -> bool:
    """Return whether a server may have requests."""
    return server.ready and server.paused_until <= now
