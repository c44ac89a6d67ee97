"""A watch over several servers of one model: those that join, fail, come back and leave, without a restart.

A server that joins has its model and its features checked by the request of a run; one that comes back is asked which
models it has.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.fleet.balancer import Server
from tts.engines.openai.fleet.server_list import ServerList
from tts.errors import InputError, first_line

if TYPE_CHECKING:
    from tts.engines.openai.client import Connections

Check = Callable[[Server], Awaitable[str]]
"""Returns why a server cannot serve beside the others; empty where it can. Raises EngineError where it cannot tell."""


class Watch:
    """Follows the list of servers, and looks at those that have no requests.

    Attributes:
        check: looks at one server; None before the features of the model are known, and then no server is admitted.
    """

    def __init__(self, connections: Connections, listed: ServerList, config: OpenAIConfig) -> None:
        """Watch nothing yet."""
        self._connections, self._listed, self._config = connections, listed, config
        self._told: dict[str, str] = {}
        self._busy: set[object] = set()
        self.check: Check | None = None

    @property
    def changes(self) -> bool:
        """True where the list of servers may change."""
        return self._config.changes

    def start(self) -> asyncio.Task[None] | None:
        """Watch in the running event loop until the task is cancelled."""
        self._connections.balancer.failed = asyncio.Event()
        self._busy.clear()
        return None if self.check is None else asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        balancer, loop = self._connections.balancer, asyncio.get_running_loop()
        reading = loop.time() + self._config.refresh_s if self.changes else math.inf
        async with asyncio.TaskGroup() as group:
            while True:
                now = loop.time()
                if now >= reading:
                    reading = now + self._config.refresh_s
                    self._begin(group, "list", self._read())
                down = [server for server in balancer.servers if not server.ready and server not in self._busy]
                for server in down:
                    if server.paused_until <= now:
                        self._begin(group, server, self._look(server))
                times = [reading, *(server.paused_until for server in down if server.paused_until > now)]
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(times) - now if min(times) < math.inf else None):
                        await balancer.failed.wait()
                balancer.failed.clear()

    def _begin(self, group: asyncio.TaskGroup, about: object, work: Coroutine[Any, Any, None]) -> None:
        """Start a reading of the list or a look at a server, unless one is in progress."""

        def ended(_: object) -> None:
            self._busy.discard(about)
            self._connections.balancer.failed.set()

        if about in self._busy:
            work.close()
            return
        self._busy.add(about)
        group.create_task(work).add_done_callback(ended)

    async def _read(self) -> None:
        """Read the list again; one that cannot be read leaves it as it is."""
        try:
            urls = await asyncio.to_thread(self._listed.read)
        except InputError as error:
            self._tell("list", f"{error}; the servers stay as they are")
            return
        self._tell("list", "; ".join(self._listed.faults))
        await self._update(urls)

    async def _update(self, urls: tuple[str, ...]) -> None:
        connections, before = self._connections, self._connections.balancer.servers
        had = {server.listed for server in before}
        for url in (url for url in urls if url not in had):
            server = Server(url, url, ready=False, known=False)
            connections.open(server)
            connections.balancer.add(server)
        for server in (server for server in before if server.listed not in urls):
            connections.balancer.remove(server)
            self._told.pop(server.listed, None)
            connections.tell(
                f"{server.url} has left the list: it finishes {server.running} requests, and gets no others"
            )
            if not server.running:
                await connections.close(server)

    async def _look(self, server: Server) -> None:
        """Admit a server that can serve; look at any other again after its pause."""
        balancer = self._connections.balancer
        assert self.check is not None
        try:
            refusal = await self.check(server)
        except Exception as error:  # whatever a server answers, the watch goes on
            refusal = first_line(error)
        if server.left:
            return
        if not refusal:
            new, told = not server.known, self._told.pop(server.listed, "")
            balancer.admit(server)
            if new or told:
                counts = balancer.counts
                self._connections.tell(f"{server.url} has joined: {counts.up} of {counts.listed} servers are up")
            return
        if server.paused_until <= asyncio.get_running_loop().time():
            balancer.mark_down(server, refusal)
        self._tell(server.listed, f"{refusal.rstrip('.')}; it gets no requests until that has changed")

    def _tell(self, about: str, sentence: str) -> None:
        """Pass a sentence on, unless it is the last one about the same thing."""
        if sentence and self._told.get(about) != sentence:
            self._connections.tell(sentence)
        self._told[about] = sentence
