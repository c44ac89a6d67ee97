"""The given texts that wait for a turn of the batch: to score what follows, or to read the signals of their tokens.

A turn is one pass, which reads the texts of several callers where they ask for the same signals, so that drawing and
reading take turns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tts.engines.base import Meter
from tts.engines.hf.decoder import Decoder, JoiningSequence
from tts.engines.hf.device import is_out_of_memory
from tts.engines.hf.reading import GivenSequence, ReadColumns, mark_cached, read_given
from tts.errors import EngineError
from tts.types import Signals

Scores = asyncio.Future[list[list[float]]]
Read = asyncio.Future[ReadColumns]
Waiting = tuple[GivenSequence, Signals, Meter, Read]


class GivenTexts:
    """The queues of given texts.

    Attributes:
        read: tokens read, cached ones included.
    """

    def __init__(
        self, decoder: Decoder, compute: Callable[..., Awaitable[Any]], free: Callable[[], Awaitable[None]]
    ) -> None:
        """Start empty.

        Args:
            decoder: runs the model.
            compute: runs a function in the decoder's thread.
            free: frees the decoder's memory.
        """
        self._decoder, self._compute, self._free = decoder, compute, free
        self._scoring: deque[tuple[list[JoiningSequence], list[int], Meter, Scores]] = deque()
        self._reading: deque[Waiting] = deque()
        self.read = 0

    def __bool__(self) -> bool:
        """Return whether a text waits."""
        return bool(self._scoring or self._reading)

    def score(self, joining: list[JoiningSequence], tokens: list[int], meter: Meter) -> Scores:
        """Queue sequences for P(token | sequence), [sequences][tokens]."""
        future: Scores = asyncio.get_running_loop().create_future()
        self._scoring.append((joining, tokens, meter, future))
        return future

    def add(self, given: GivenSequence, wanted: Signals, meter: Meter) -> Read:
        """Queue a sequence for the signals of its tokens."""
        future: Read = asyncio.get_running_loop().create_future()
        self._reading.append((given, wanted, meter, future))
        return future

    async def turn(self) -> None:
        """Run one pass of each kind for the texts that wait longest."""
        if self._scoring:
            await self._score(*self._scoring.popleft())
        if self._reading:
            await self._read(self._next())

    def fail(self, error: Exception) -> None:
        """Raise an error in every waiting call."""
        waiting: list[Any] = [*self._scoring, *self._reading]
        for *_, future in waiting:
            if not future.done():
                future.set_exception(error)
        self.clear()

    def clear(self) -> None:
        """Drop everything that waits."""
        self._scoring.clear()
        self._reading.clear()

    def _next(self) -> list[Waiting]:
        """Take the sequences of the next pass: those that wait longest and ask for the same signals, as many as fit."""
        first = self._reading.popleft()
        taken, room = [first], self._decoder.max_pass_tokens - first[0].size
        while self._reading and self._reading[0][1] == first[1] and self._reading[0][0].size <= room:
            taken.append(self._reading.popleft())
            room -= taken[-1][0].size
        return [one for one in taken if not one[-1].done()]  # the callers of the others have gone

    async def _read(self, waiting: Sequence[Waiting]) -> None:
        if not waiting:
            return
        given, wanted = [one[0] for one in waiting], waiting[0][1]
        mark_cached(self._decoder, given)
        for one, _, meter, _ in waiting:
            meter.prompt += one.size - one.cached
            meter.prompt_cached += one.cached
            self.read += one.size
        try:
            found = await self._compute(read_given, self._decoder, given, wanted)
        except Exception as error:
            if not is_out_of_memory(error):
                for *_, future in waiting:
                    if not future.done():
                        future.set_exception(error)
                raise
            await self._free()
            if len(waiting) > 1:
                half = len(waiting) // 2
                await self._read(waiting[:half])
                await self._read(waiting[half:])
            elif not waiting[0][-1].done():
                waiting[0][-1].set_exception(EngineError(f"out of memory reading a text of {given[0].size} tokens"))
            return
        for (*_, future), columns in zip(waiting, found, strict=True):
            if not future.done():
                future.set_result(columns)

    async def _score(self, joining: list[JoiningSequence], tokens: list[int], meter: Meter, future: Scores) -> None:
        if future.done():  # the caller has gone
            return
        self._decoder.mark_cached(joining)
        for one in joining:
            meter.prompt += len(one.ids) - one.cached
            meter.prompt_cached += one.cached
            self.read += len(one.ids)
        try:
            found = await self._compute(self._decoder.score, joining, tokens)
        except Exception as error:
            if not is_out_of_memory(error):
                if not future.done():
                    future.set_exception(error)
                raise
            await self._free()
            found = EngineError(f"out of memory reading {len(joining)} texts to score at once: score fewer")
        if future.done():
            return
        if isinstance(found, EngineError):
            future.set_exception(found)
        else:
            future.set_result(found)
