"""Order among requests that one engine runs at the same time: single-flight prefill, and exclusive request kinds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tts.engines.text import Ids

MIN_SHARED_PROMPT = 64
"""Least tokens of a prompt whose first sample goes ahead, so that the others find the prompt in the cache."""
MAX_READ_PROMPTS = 4096
"""Most prompts that the gate records as read."""


class PrefillGate:
    """Single-flight prefill: the first request of a prompt reads it, the others wait and find it in the cache."""

    def __init__(self) -> None:
        """Start with no prompt read or being read."""
        self._reading: dict[Ids, asyncio.Event] = {}
        self._read: OrderedDict[Ids, None] = OrderedDict()

    async def acquire(self, prompt: Ids) -> bool:
        """Wait while another request reads this prompt for the first time.

        Returns:
            True if the caller must read the prompt and then call :meth:`release`; False if it has been read.
        """
        while prompt in self._reading:
            await self._reading[prompt].wait()
        if prompt in self._read:
            self._read.move_to_end(prompt)
            return False
        self._reading[prompt] = asyncio.Event()
        return True

    def release(self, prompt: Ids, *, read: bool) -> None:
        """Let the waiting requests go on.

        Args:
            prompt: the prompt that the caller acquired.
            read: whether it was read; if not, one of the waiting requests acquires it.
        """
        event = self._reading.pop(prompt, None)
        if event is None:
            return
        event.set()
        if read:
            self._read[prompt] = None
            if len(self._read) > MAX_READ_PROMPTS:
                self._read.popitem(last=False)


class ExclusiveKinds:
    """Keeps requests of two kinds from running at the same time; requests of one kind run together.

    vLLM's v1 runner drops top-k log-probabilities when a batch also names tokens, so the two kinds must not overlap.
    """

    def __init__(self) -> None:
        """Start with no running request."""
        self._kind, self._running, self._idle = "", 0, asyncio.Event()

    @asynccontextmanager
    async def admit(self, kind: str) -> AsyncIterator[None]:
        """Run the block as one request of this kind, once no request of the other kind runs.

        Args:
            kind: the kind's name; "" never waits, and no other kind waits for it.
        """
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
