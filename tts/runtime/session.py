"""One question on a live engine: its draws in flight, handed over in order of submission, and its ledger.

Knows nothing about strategies or other questions. A draw or a scoring that fails is retried; what fails for good comes
back as a FAILED sample. Anything but an ``EngineError`` is a bug and is raised as it is.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from tts.engines.base import Engine, Meter, Request
from tts.engines.streams import abort, collected, joined, settle
from tts.errors import EngineError, InputError, UnsupportedError
from tts.runtime.cache import SampleCache, memorable, recall
from tts.runtime.ledger import NOTHING, charge, failed, shares, unused
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.types import Boundary, Draw, End, Problem, Sample, Signals, Usage

__all__ = [
    "DEFAULTS",
    "Extract",
    "Options",
    "Session",
    "abort",
    "joined",
    "scored",
    "settle",
    "to_judge",
    "told_to_stop",
]

Extract = Callable[[Problem, str], str | None]


@dataclass(frozen=True, slots=True)
class Options:
    """How the driver works.

    Attributes:
        concurrency: questions in flight, >= 1.
        lookahead: draws of a question started before the strategy asks for them; 0 wastes no token.
        fill: draws to keep in flight: where fewer questions than that are left, each looks further ahead, so that the
            last ones, which often take the whole budget, do not wait for one draw after the other; 0 does not.
        retries: attempts after a failed one.
        backoff: seconds before the first retry, doubled each time.
    """

    concurrency: int = 256
    lookahead: int = 0
    fill: int = 0
    retries: int = 2
    backoff: float = 0.1

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        for key, least in (("concurrency", 1), ("lookahead", 0), ("fill", 0), ("retries", 0), ("backoff", 0)):
            if not least <= getattr(self, key) < math.inf:
                raise InputError(f"driver option {key} must be at least {least}, got {getattr(self, key)}")


DEFAULTS = Options()


class Session:
    """The draws of one question; leaving the context aborts what is in flight.

    Attributes:
        usage: every token spent so far, exact once nothing is in flight; recalled draws count as what they once cost.
        aborted: draws started ahead that nobody was given.
        recalled: draws handed over from the memory.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        *,
        extract: Extract,
        scorer: Scorer | None,
        budget: int,
        options: Options,
        signals: Signals,
        memory: SampleCache | None = None,
        beside: Callable[[], int] = lambda: 1,
    ) -> None:
        """Start with nothing in flight; never look ahead beyond ``budget`` draws.

        ``beside`` tells how many questions are being played, this one among them.
        """
        self.problem, self.engine, self.extract, self.scorer = problem, engine, extract, scorer
        self.budget, self.options = budget, options
        self.usage = NOTHING
        self.aborted = self.recalled = 0
        self._signals, self._memory, self._beside = signals, memory, beside
        self._given = 0
        self._pending: deque[tuple[Boundary, asyncio.Future[Sample]]] = deque()  # a task, or done where recalled
        self._old: set[int] = set()  # the numbers of recalled draws
        self._dropped: list[asyncio.Task[Sample]] = []

    async def __aenter__(self) -> Session:
        """Nothing to set up."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Abort what is in flight, quietly: the error that got us here is the one to see."""
        await abort([task for _, task in self._pending if isinstance(task, asyncio.Task)])
        await settle(self._dropped)

    async def take(self, draw: Draw) -> list[Sample]:
        """The samples of one draw, scored, in order of submission."""
        if self._pending and (draw.prefix is not None or self._pending[0][0] != draw.until):
            await self.drop()
        ahead = max(self.options.lookahead, self.options.fill // self._beside() - draw.n) if draw.prefix is None else 0
        want = draw.n + max(0, min(ahead, self.budget - self._given - draw.n))
        if draw.n == want == 1 and not self._pending:  # nothing runs beside it, so it needs no task of its own
            sample = self._recall(self._given, draw) or await self._draw(self._request(self._given, draw))
            self._given += 1
            return await self._hand_over([sample], draw)
        for index in range(self._given + len(self._pending), self._given + want):
            ahead = index >= self._given + draw.n
            self._pending.append((draw.until, self._start(index, draw, ahead=ahead)))
        asked = [task for _, task in islice(self._pending, draw.n)]
        if asked:  # unlike gather, a cancelled wait leaves the tasks to be aborted once, by us
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # a bug need not wait for the rest
        for _ in asked:
            self._pending.popleft()
        self._given += len(asked)
        return await self._hand_over([task.result() for task in asked], draw)

    def _request(self, index: int, draw: Draw, *, ahead: bool = False) -> Request:
        return Request(self.problem, index, draw.prefix, draw.until, self._signals, ahead=ahead)

    def _recall(self, index: int, draw: Draw) -> Sample | None:
        if self._memory is None:
            return None
        sample = recall(self._memory, self.problem, index, draw)
        if sample is not None:
            self._old.add(index)
        return sample

    def _start(self, index: int, draw: Draw, *, ahead: bool) -> asyncio.Future[Sample]:
        sample = self._recall(index, draw)
        if sample is None:
            return asyncio.create_task(self._draw(self._request(index, draw, ahead=ahead)))
        ready: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        ready.set_result(sample)
        return ready

    async def _hand_over(self, samples: list[Sample], draw: Draw) -> list[Sample]:
        samples = await self._score(samples)
        if told_to_stop():  # an engine or a scorer took the abort for a failure, or lost it
            raise asyncio.CancelledError
        self.usage = sum((s.usage for s in samples if s.usage is not None), self.usage)
        if self._memory is not None:
            for sample in samples:
                if sample.index in self._old:
                    self.recalled += 1
                elif memorable(self._memory, sample, draw):
                    self._memory.put(self.problem, sample, draw.until)
        return samples

    async def drop(self) -> None:
        """Abort what is in flight and charge it; the next draw takes the first number that nobody was given.

        Raises:
            Exception: the bug that one of them met.
        """
        tasks = self._dropped = [task for _, task in self._pending if isinstance(task, asyncio.Task)]
        self._pending.clear()
        self._old.clear()
        await abort(tasks)
        self.aborted += len(tasks)
        for task in tasks:
            if not task.cancelled():  # it had finished before the abort reached it: wasted all the same
                self.usage += unused(task.result().usage)

    async def _draw(self, request: Request) -> Sample:
        """Draw one sample, retrying failures; an abort charges what was drawn so far."""
        spent, failure = NOTHING, ""
        try:
            for number in range(self.options.retries + 1):
                if number:
                    await self._pause(number)
                    request = replace(request, attempt=number, meter=Meter())
                try:
                    return await self._attempt(request, spent)
                except EngineError as error:
                    spent += unused(charge(request.meter))
                    failure = str(error)
                    if told_to_stop() or not error.again:
                        break
                except BaseException:
                    spent += unused(charge(request.meter))
                    raise
        except asyncio.CancelledError:
            self.usage += spent
            raise
        return Sample(end=End.FAILED, index=request.index, usage=spent, error=failure)

    async def _attempt(self, request: Request, spent: Usage) -> Sample:
        sample = await collected(self.engine, request)
        return replace(
            sample,
            answer=None if sample.end is End.BOUNDARY else self.extract(self.problem, sample.text),
            usage=charge(request.meter) if spent is NOTHING else spent + charge(request.meter),
        )

    async def _score(self, samples: list[Sample]) -> list[Sample]:
        """Give each sample its confidence and its share of what that cost, unless it failed or was recalled with one.

        Where scoring fails for good, the sample has failed.
        """
        judged = [s for s in samples if to_judge(s)]
        scorer = self.scorer
        if scorer is None or not judged:
            return samples

        engine, failure = MeteredEngine(self.engine), ""
        try:
            for number in range(self.options.retries + 1):
                if number:
                    await self._pause(number)
                try:
                    scores = self._confidences(judged, await scorer.score(self.problem, judged, engine))
                    return scored(samples, scores, engine.usage)
                except EngineError as error:
                    failure = str(error)
                    if told_to_stop() or not error.again:
                        break
        except BaseException:
            self.usage += engine.usage
            raise
        self.usage += engine.usage
        return [failed(s, failure) if to_judge(s) else s for s in samples]

    def _confidences(self, samples: list[Sample], scores: Any) -> list[float]:
        values, one_each = np.asarray(scores, dtype=np.float64), (len(samples),)
        scorer, problem = type(self.scorer).__name__, self.problem.id
        if values.shape != one_each:
            raise UnsupportedError(
                f"scorer {scorer} gave scores of shape {values.shape} for {len(samples)} samples of problem "
                f"{problem!r}, expected {one_each}"
            )
        for sample, value in zip(samples, values, strict=True):
            if not 0.0 <= value <= 1.0:
                raise UnsupportedError(
                    f"scorer {scorer} gave {value} for draw {sample.index} of problem {problem!r}, "
                    "and a confidence must be in [0, 1]: calibrate raw scores first"
                )
        return [float(value) for value in values]

    async def _pause(self, number: int) -> None:
        """Wait before attempt ``number``, twice as long each time."""
        await asyncio.sleep(self.options.backoff * 2 ** (number - 1))


def scored(samples: Sequence[Sample], scores: Sequence[float], cost: Usage) -> list[Sample]:
    """The samples, those that were to be judged with their confidences and equal shares of what judging them cost."""
    verdicts = iter(zip(scores, shares(cost, len(scores)), strict=True))
    out = []
    for sample in samples:
        if to_judge(sample):
            confidence, share = next(verdicts)
            usage = sample.usage if share is NOTHING else (sample.usage or NOTHING) + share
            sample = replace(sample, confidence=confidence, usage=usage)
        out.append(sample)
    return out


def to_judge(sample: Sample) -> bool:
    """Whether a scorer is asked: not about a failed draw, nor about one recalled with its confidence."""
    return sample.confidence is None and sample.end is not End.FAILED


def told_to_stop() -> bool:
    """Whether the current task was cancelled, even where something swallowed the CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
