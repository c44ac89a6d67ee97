"""Several servers of one model: the least loaded one is asked, one that does not answer is left alone for a while.

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

REST, LONGEST = 0.5, 30.0
"""Seconds that a server is left alone after it did not answer, doubled each time in a row, and the most."""


@dataclass(slots=True, eq=False)
class Server:
    """One server.

    Attributes:
        url: its address.
        client: what talks to it, once there is an event loop.
        running: requests that it is working on.
        missed: times in a row that it did not answer.
        back: when it is asked again, by the event loop's clock.
        why: what was heard of it last.
    """

    url: str
    client: Any = None
    running: int = 0
    missed: int = 0
    back: float = 0.0
    why: str = ""


class Servers:
    """Who is asked next."""

    def __init__(self, servers: Sequence[Server], *, concurrency: int, outage_timeout_s: float) -> None:
        """Take them.

        Args:
            servers: at least one.
            concurrency: the most requests that one of them is given at a time, >= 1.
            outage_timeout_s: seconds to wait for any of them to be asked again when all are left alone, >= 0.
        """
        self.all, self.concurrency, self.outage_timeout_s = tuple(servers), concurrency, outage_timeout_s
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Server]:
        """A server to ask, the least loaded of those that answer; waits while all have enough to do.

        Raises:
            EngineError: none has answered for too long.
        """
        try:
            server = await self._free()
        except BaseException:
            self._wake()  # it may have been its turn
            raise
        server.running += 1
        try:
            yield server
        finally:
            server.running -= 1
            self._wake()

    def answered(self, server: Server) -> None:
        """It did."""
        server.missed, server.back = 0, 0.0

    def missed(self, server: Server, why: str) -> None:
        """It did not answer, or stopped in the middle: it is left alone, longer each time."""
        now, server.why = asyncio.get_running_loop().time(), why
        if server.back <= now:  # else it is known already: all its requests end at the same time
            server.missed += 1
            server.back = now + min(LONGEST, REST * 2 ** (server.missed - 1))

    def _wake(self) -> None:
        """Let the one that has waited longest look again."""
        while self._waiting:
            if not (one := self._waiting.popleft()).done():
                one.set_result(None)
                return

    async def _free(self) -> Server:
        loop = asyncio.get_running_loop()
        deadline, woken = loop.time() + self.outage_timeout_s, False
        while True:
            now = loop.time()
            there = [server for server in self.all if server.back <= now]
            free = [server for server in there if server.running < self.concurrency]
            if free:
                return min(free, key=lambda server: server.running)
            if there:  # they work: that is no reason to give up
                deadline = now + self.outage_timeout_s
            elif now >= deadline:
                said = "; ".join(f"{server.url}: {server.why}" for server in self.all)
                raise EngineError(f"no server has answered for {self.outage_timeout_s:g} seconds ({said})")
            waiting = [server.back for server in self.all if server.back > now]
            until = min([*waiting, *([] if there else [deadline])], default=None)
            turn = loop.create_future()
            (self._waiting.appendleft if woken else self._waiting.append)(turn)
            try:
                async with asyncio.timeout_at(until):
                    await turn
                woken = True
            except TimeoutError:
                woken = False
