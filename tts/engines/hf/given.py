"""The given texts that wait for a turn of the batch: to score what follows, or to read the signals of their tokens.

A turn is one pass, which reads the texts of all callers that it can, those that wait longest first. While sequences
are drawn, reading takes a bounded share of the time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tts.engines.base import Meter
from tts.engines.hf.decoder import Decoder
from tts.engines.hf.device import is_out_of_memory
from tts.engines.hf.reading import GivenSequence, ReadColumns, mark_cached, own_columns, read_given
from tts.engines.hf.step_input import JoiningSequence
from tts.engines.hf.worker import Worker
from tts.engines.text import Ids
from tts.errors import EngineError
from tts.types import Signals

SHARE = 0.2
"""The most of the computing time that reading takes while sequences are drawn."""


@dataclass(slots=True, eq=False)
class ToScore:
    """A text behind which the probabilities of tokens are wanted."""

    text: JoiningSequence
    tokens: Ids
    meter: Meter
    future: asyncio.Future[list[float]]


@dataclass(slots=True, eq=False)
class ToRead:
    """A text the signals of whose tokens are wanted."""

    text: GivenSequence
    signals: Signals
    meter: Meter
    future: asyncio.Future[ReadColumns]


Waiting: TypeAlias = ToScore | ToRead


class GivenTexts:
    """The queue of given texts, first come, first served.

    Attributes:
        read: tokens read, cached ones included.
    """

    def __init__(self, decoder: Decoder, worker: Worker, free: Callable[[], Awaitable[None]]) -> None:
        """Start empty.

        Args:
            decoder: runs the model.
            worker: the decoder's thread.
            free: frees the decoder's memory.
        """
        self._decoder, self._worker, self._free = decoder, worker, free
        self._waiting: deque[Waiting] = deque()
        self._owed = 0.0  # seconds to draw before the next pass
        self.read = 0

    def __bool__(self) -> bool:
        """Return whether a text waits."""
        return bool(self._waiting)

    def score(self, texts: Sequence[JoiningSequence], tokens: Ids, meter: Meter) -> Awaitable[list[list[float]]]:
        """Queue sequences for P(token | sequence), [sequences][tokens]; cancelled ones are not read."""
        loop = asyncio.get_running_loop()
        queued = [ToScore(text, tokens, meter, loop.create_future()) for text in texts]
        self._waiting.extend(queued)
        return _all([one.future for one in queued])

    def add(self, text: GivenSequence, signals: Signals, meter: Meter) -> asyncio.Future[ReadColumns]:
        """Queue a sequence for the signals of its tokens; a cancelled one is not read."""
        future: asyncio.Future[ReadColumns] = asyncio.get_running_loop().create_future()
        self._waiting.append(ToRead(text, signals, meter, future))
        return future

    async def turn(self, *, drawing: bool) -> None:
        """Run one pass for the texts that wait longest, unless drawing is owed its share of the time.

        Args:
            drawing: whether sequences are drawn meanwhile.
        """
        if not drawing:
            self._owed = 0.0
        if self._owed <= 0.0:
            started = self._worker.seconds
            await self._read(self._next())
            if drawing:
                self._owed = (self._worker.seconds - started) * (1 - SHARE) / SHARE

    def drew(self, seconds: float) -> None:
        """Take note of time that drawing got."""
        self._owed = max(0.0, self._owed - seconds)

    def fail(self, error: Exception) -> None:
        """Raise an error in every waiting call."""
        for one in self._waiting:
            _fail(one, error)
        self.clear()

    def clear(self) -> None:
        """Drop everything that waits."""
        self._waiting.clear()
        self._owed = 0.0

    def _next(self) -> list[Waiting]:
        """Take the texts of the next pass: those that wait longest and that one pass serves, as many as fit."""
        taken: list[Waiting] = []
        passed: list[Waiting] = []
        room, wanted = self._decoder.max_pass_tokens, Signals()
        while self._waiting:
            one = self._waiting.popleft()
            if one.future.done():  # its caller has gone
                continue
            signals = one.signals if isinstance(one, ToRead) else Signals()
            if taken and (type(one) is not type(taken[0]) or not wanted.joins(signals)):
                passed.append(one)
                continue
            if taken and one.text.size > room:
                passed.append(one)
                break
            taken.append(one)
            room, wanted = room - one.text.size, wanted | signals
        self._waiting.extendleft(reversed(passed))
        return taken

    async def _read(self, waiting: Sequence[Waiting]) -> None:
        """Read texts in one pass; where memory runs out, in two of half the texts each."""
        alive = [one for one in waiting if not one.future.done()]
        if not alive:
            return
        scoring = [one for one in alive if isinstance(one, ToScore)]
        reading = [one for one in alive if isinstance(one, ToRead)]
        self._decoder.mark_cached([one.text for one in scoring])
        mark_cached(self._decoder, [one.text for one in reading])
        for one in alive:  # before the pass, so that a caller that is cancelled meanwhile has been charged
            one.meter.prompt += one.text.size - one.text.cached
            one.meter.prompt_cached += one.text.cached
            self.read += one.text.size
        try:
            found: list[Any] = await self._worker.compute(self._scored, scoring) if scoring else []
            found += await self._worker.compute(self._columns, reading) if reading else []
        except Exception as error:
            if not is_out_of_memory(error):
                for one in alive:
                    _fail(one, error)
                raise
            await self._free()
            if len(alive) > 1:
                half = len(alive) // 2
                await self._read(alive[:half])
                await self._read(alive[half:])
            else:
                _fail(alive[0], EngineError(f"out of memory reading a text of {alive[0].text.size} tokens"))
            return
        for one, value in zip(alive, found, strict=True):  # one pass has texts of one kind
            if not one.future.done():
                one.future.set_result(value)

    def _scored(self, waiting: Sequence[ToScore]) -> list[list[float]]:
        """Return P(token | text) of each text's own tokens; runs in the thread."""
        places = {token: at for at, token in enumerate(dict.fromkeys(t for one in waiting for t in one.tokens))}
        rows = self._decoder.score([one.text for one in waiting], list(places))
        return [[row[places[token]] for token in one.tokens] for one, row in zip(waiting, rows, strict=True)]

    def _columns(self, waiting: Sequence[ToRead]) -> list[ReadColumns]:
        """Return each text's own signals; runs in the thread."""
        wanted = Signals.joined(one.signals for one in waiting)
        read = read_given(self._decoder, [one.text for one in waiting], wanted)
        return [own_columns(columns, wanted, one.signals) for columns, one in zip(read, waiting, strict=True)]


def _fail(one: Waiting, error: Exception) -> None:
    if not one.future.done():
        one.future.set_exception(error)


async def _all(futures: Sequence[asyncio.Future[Any]]) -> list[Any]:
    """Return the results of futures; where one fails or the caller is cancelled, the others are cancelled."""
    try:
        return await asyncio.gather(*futures)
    finally:
        for future in futures:
            future.cancel()
