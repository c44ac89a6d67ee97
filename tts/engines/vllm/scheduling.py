"""Who goes first, and what does not go together: order among requests that one engine runs at the same time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tts.engines.text import Ids

REMEMBERED = 4096
"""Prompts that are known to have been read."""


class PrefillGate:
    """Which of those that read the same prompt goes first."""

    def __init__(self) -> None:
        """Nobody reads anything."""
        self._reading: dict[Ids, asyncio.Event] = {}
        self._read: OrderedDict[Ids, None] = OrderedDict()

    async def first(self, prompt: Ids) -> bool:
        """Wait while another reads this prompt for the first time; whether the caller is to do so now."""
        while prompt in self._reading:
            await self._reading[prompt].wait()
        if prompt in self._read:
            self._read.move_to_end(prompt)
            return False
        self._reading[prompt] = asyncio.Event()
        return True

    def done(self, prompt: Ids, *, read: bool) -> None:
        """Let the others go on: they find it read, or one of them goes first."""
        event = self._reading.pop(prompt, None)
        if event is None:
            return
        event.set()
        if read:
            self._read[prompt] = None
            if len(self._read) > REMEMBERED:
                self._read.popitem(last=False)


class ExclusiveKinds:
    """Keeps two kinds of requests from running at the same time; those of one kind run together, both in turn.

    One that asks for the most probable tokens, in a batch with one that names tokens, would get neither: vLLM's first
    model runner gives the whole batch what the named tokens need.
    """

    def __init__(self) -> None:
        """Nothing runs."""
        self._kind, self._running, self._idle = "", 0, asyncio.Event()

    @asynccontextmanager
    async def running(self, kind: str) -> AsyncIterator[None]:
        """Wait until only requests of this kind run, or none; "" never waits and is never waited for."""
        while kind and self._running and self._kind != kind:
            self._idle.clear()
            await self._idle.wait()
        self._kind, self._running = kind or self._kind, self._running + bool(kind)
        try:
            yield
        finally:
            self._running -= bool(kind)
            if not self._running:
                self._idle.set()
