"""Continuous batching: rows join and leave between steps, and one thread computes while the event loop decides.

The loop's side alone holds state: who waits, who has a slot, who was closed. The thread gets a :class:`Work` and gives
back what was drawn. Knows tokens, not text.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from tts.engines.base import Meter
from tts.engines.decoder import Decoder, Drawn, Ids, Joining, Work
from tts.errors import EngineError
from tts.types import Boundary, End, Signals

Scores = asyncio.Future[list[list[float]]]
NOISE = 64
"""Uniform numbers made at a time."""


@dataclass(slots=True, eq=False)
class Row:
    """One running request, in tokens."""

    ids: Ids  # what the model reads: the prompt, and the prefix's tokens
    shared: Ids  # the prompt alone
    limit: int  # the most tokens it may draw
    until: Boundary
    signals: Signals
    meter: Meter
    noise: Iterator[float]
    send: Callable[[Row, End | None], None]  # called when there is something to hand over
    fail: Callable[[Exception], None]
    stream: int = 0  # tokens a chunk, 0 for one chunk at the end
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: dict[int, list[float]] = field(default_factory=dict)
    top: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    certainty: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])  # running sums of ``top``
    cached: int = 0  # tokens of it in the cache, while it has a slot
    closed: bool = False


class Batch:
    """The rows of one decoder.

    Attributes:
        rows: the most rows at a time; halved when memory runs out.
        drawn: tokens drawn, those of closed rows included.
        prompt: prompt tokens computed.
        prompt_cached: prompt tokens that had been computed before.
        scored: tokens read to score prefixes, cached ones included.
        steps: passes that drew tokens.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        rows: int,
        ends: frozenset[int],
        is_step: Callable[[int], bool],
        tell: Callable[[str], None],
    ) -> None:
        """Start idle.

        Args:
            decoder: what computes.
            rows: the most rows at a time.
            ends: ids of the tokens that end a sample.
            is_step: whether a token ends a step.
            tell: gets one sentence when memory ran out.
        """
        self.decoder, self.rows, self._ends, self._is_step, self._tell = decoder, rows, ends, is_step, tell
        self.drawn = self.prompt = self.prompt_cached = self.scored = self.steps = 0
        self._waiting: deque[Row] = deque()
        self._active: list[Row] = []  # row i has slot i
        self._stepping: set[Row] = set()
        self._moves: list[tuple[int, int, int]] = []
        self._scoring: deque[tuple[list[Joining], list[int], Meter, Scores]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-transformers")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Task[None] | None = None

    def close(self) -> None:
        """End the thread once its current step is done."""
        self._thread.shutdown(wait=True)

    def add(self, row: Row) -> None:
        """Let a row wait for a slot."""
        self._enter()
        self._waiting.append(row)
        self._serve()

    def leave(self, row: Row) -> None:
        """A row has ended or was closed; a token that is being drawn for it is charged to it all the same."""
        if not row.closed:
            row.closed = True
            if row in self._stepping:
                self._charge(row)

    async def score(self, joining: list[Joining], tokens: list[int], meter: Meter) -> list[list[float]]:
        """P(token | sequence), [sequences][tokens]; work is added to ``meter``, done or not."""
        self._enter()
        future: Scores = asyncio.get_running_loop().create_future()
        self._scoring.append((joining, tokens, meter, future))
        self._serve()
        return await future

    def _enter(self) -> None:
        """Start afresh in another event loop: whatever ran in the last one has ended with it."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._server = loop, None
            self._drop_all()

    def _drop_all(self) -> None:
        self._active, self._moves, self._stepping = [], [], set()
        self._waiting.clear()
        self._scoring.clear()

    def _serve(self) -> None:
        if self._server is None or self._server.done():
            self._server = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Step until nobody is left; a bug is raised where somebody waits."""
        try:
            while True:
                if self._scoring:
                    await self._score(*self._scoring.popleft())
                self._clear()
                joining = self._join()
                if self._active or joining:
                    await self._step(joining)
                elif not self._scoring:
                    return
        except Exception as error:
            for row in [*self._active, *self._waiting]:
                row.fail(error)
            for *_, future in self._scoring:
                if not future.done():
                    future.set_exception(error)
            self._drop_all()

    def _clear(self) -> None:
        """Free the slots of rows that are gone; the last row moves into each."""
        rows = self._active
        for slot in range(len(rows) - 1, -1, -1):
            if rows[slot].closed:
                last = rows.pop()
                if slot < len(rows):
                    rows[slot] = last
                    self._moves.append((len(rows), slot, last.cached))

    def _join(self) -> list[Row]:
        """The rows that get a slot now, first come, first served."""
        joining: list[Row] = []
        while self._waiting and len(self._active) + len(joining) < self.rows:
            row = self._waiting.popleft()
            if not row.closed:
                joining.append(row)
        return joining

    async def _step(self, joining: list[Row]) -> None:
        rows = [*self._active, *joining]
        wanted = Signals()
        for signals in {id(row.signals): row.signals for row in rows}.values():
            wanted = wanted | signals
        work = Work(
            moves=self._moves,
            joining=[Joining(row.ids + tuple(row.tokens), row.shared) for row in joining],
            tokens=[row.tokens[-1] for row in self._active],
            lengths=[row.cached for row in self._active],
            noise=[next(row.noise) for row in rows],
            signals=wanted,
        )
        self._stepping = set(rows)
        self.decoder.plan(work.joining)
        for row, read in zip(joining, work.joining, strict=True):
            self._charge_prompt(row.meter, read)
        try:
            drawn = await self._compute(self.decoder.run, work)
        except BaseException as error:
            self._stepping = set()
            if not is_out_of_memory(error):
                self._active = rows
                raise
            for row, value in zip(rows, work.noise, strict=True):
                row.noise = chain([value], row.noise)
            await self._halve(rows)
            return
        self._moves, self._stepping = [], set()
        self.steps += 1
        for row, read in zip(joining, work.joining, strict=True):
            row.cached = len(read.ids)
        for row in self._active:
            row.cached += 1
        self._active = rows
        self._deliver(rows, drawn, wanted.watch)

    def _charge_prompt(self, meter: Meter, read: Joining) -> None:
        computed = len(read.ids) - read.cached
        meter.prompt += computed
        meter.prompt_cached += read.cached
        self.prompt += computed
        self.prompt_cached += read.cached

    def _charge(self, row: Row) -> None:
        row.meter.drawn += 1
        self.drawn += 1

    def _deliver(self, rows: list[Row], drawn: Drawn, watch: Ids) -> None:
        """Give each row its token, and see whether it ends there."""
        for i, row in enumerate(rows):
            if row.closed:  # charged when it left
                continue
            self._charge(row)
            token = drawn.tokens[i]
            row.tokens.append(token)
            row.logprobs.append(drawn.logprobs[i])
            if drawn.watched is not None and row.signals.watch:
                for at, name in enumerate(watch):
                    if name in row.watched:
                        row.watched[name].append(drawn.watched[i][at])
            if drawn.top is not None and row.signals.top:
                row.top.append(drawn.top[i])
                row.sums.append(row.sums[-1] + drawn.top[i])
            if drawn.entropy is not None and row.signals.entropy:
                row.entropy.append(drawn.entropy[i])
            if drawn.certainty is not None and row.signals.certainty:
                row.certainty.append(drawn.certainty[i])
            end = self._end(row, token)
            if end is not None:
                row.closed = True
                row.send(row, end)
            elif row.stream and len(row.tokens) % row.stream == 0:
                row.send(row, None)

    def _end(self, row: Row, token: int) -> End | None:
        """Why a row ends with this token, or None where it goes on."""
        if token in self._ends:
            return End.STOP
        kind, value = row.until.kind, row.until.value
        n = len(row.tokens)
        if kind != "end":
            if kind == "step":
                here = self._is_step(token)
            elif kind == "tokens":
                here = n >= value
            elif kind == "confidence_below":
                here = row.watched[row.signals.watch[0]][-1] < value
            else:
                window = row.until.window
                here = n >= window and (row.sums[-1] - row.sums[-1 - window]) / window < value
            if here:
                return End.BOUNDARY
        return End.LENGTH if n >= row.limit else None

    async def _score(self, joining: list[Joining], tokens: list[int], meter: Meter, future: Scores) -> None:
        if future.done():  # nobody waits any more
            return
        self.decoder.plan(joining)
        for one in joining:
            meter.prompt += len(one.ids) - one.cached
            meter.prompt_cached += one.cached
            self.scored += len(one.ids)
        try:
            found = await self._compute(self.decoder.score, joining, tokens)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            await self._compute(self.decoder.forget)
            found = EngineError(f"out of memory reading {len(joining)} texts to score at once: score fewer")
        if future.done():
            return
        if isinstance(found, EngineError):
            future.set_exception(found)
        else:
            future.set_result(found)

    async def _halve(self, rows: list[Row]) -> None:
        """Memory ran out: read half of the rows again now, the others once there is room; all go on where they were."""
        alive = [row for row in rows if not row.closed]
        self.rows = max(1, len(rows) // 2)
        self._active, self._moves = [], []
        await self._compute(self.decoder.forget)
        if len(rows) == 1:
            for row in alive:
                row.fail(EngineError("out of memory with a single sequence: lower max_tokens, or use a smaller model"))
            return
        self._tell(f"out of memory with {len(rows)} sequences at once: going on with {self.rows}")
        self._waiting.extendleft(reversed(alive))

    async def _compute(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run in the thread, to its end: what it draws is charged even where the loop is told to stop."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )


def noise(key: str) -> Iterator[float]:
    """Uniform numbers in [0, 1), the same for the same key."""
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    while True:
        yield from rng.random(NOISE, dtype=np.float32).tolist()
