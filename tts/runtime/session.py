"""One question on a live engine: its draws in flight, delivered in order of submission, and its ledger.

Knows nothing about strategies or other questions. A draw or a scoring that fails is retried; after the last attempt it
is a FAILED sample. Anything but an ``EngineError`` is a bug and propagates.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine, Meter, Request
from tts.engines.streams import abort, collected, settle
from tts.errors import EngineError, InputError, MissingSignalError
from tts.runtime.cache import SampleCache, cacheable, complete, lookup
from tts.runtime.equal_answers import EqualAnswers
from tts.runtime.in_flight import InFlight
from tts.runtime.ledger import NOTHING, charge, failed, unused
from tts.runtime.scoring import checked_scores, is_empty, needs_score, with_scores
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine, with_signals
from tts.types import Boundary, Draw, End, Problem, Sample, Signals, Usage

__all__ = ["DEFAULTS", "Extract", "Options", "Session", "abort", "is_cancelled", "settle"]

Extract = Callable[[Problem, str], str | None]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the driver.

    Attributes:
        concurrency: questions in flight, >= 1.
        lookahead: draws of a question that start before the strategy asks for them, >= 0; 0 wastes no token.
        min_in_flight: draws to keep in flight, >= 0. If fewer questions are left, each looks further ahead, so that
            the last ones, which often take the whole budget, do not wait for one draw after another. 0 turns it off.
        rows: the rows of the engine's batch, >= 1; draws in flight beyond it wait. None if they are not limited.
        retries: further attempts after a failed one, >= 0.
        backoff_s: seconds before the first retry, doubled each time.
        read_truncated: whether a sample that reached the limit of tokens gives an answer, often one of a step.
        join_answers: whether equal answers are one answer; False compares them with gold answers only.
    """

    concurrency: int = 256
    lookahead: int = 0
    min_in_flight: int = 0
    rows: int | None = None
    retries: int = 2
    backoff_s: float = 0.1
    read_truncated: bool = False
    join_answers: bool = True

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key, least in (
            ("concurrency", 1),
            ("lookahead", 0),
            ("min_in_flight", 0),
            ("retries", 0),
            ("backoff_s", 0),
        ):
            if not least <= getattr(self, key) < math.inf:
                raise InputError(f"driver option {key} must be at least {least}, got {getattr(self, key)}")


DEFAULTS = Options()


class Session:
    """The draws of one question; leaving the context aborts what is in flight.

    Attributes:
        usage: every token spent so far, exact once nothing is in flight; a cached draw counts at its original cost.
        aborted: draws started ahead that were not delivered.
        cached: draws delivered from the cache.
        answers: names equal answers alike.
        regrouped: True if the last samples showed that answers delivered before are equal, so that ``answers`` names
            them otherwise now.
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
        cache: SampleCache | None = None,
        active_questions: Callable[[], int] = lambda: 1,
        equality: Equality | None = None,
        in_flight: InFlight | None = None,
    ) -> None:
        """Start with nothing in flight; never look ahead beyond ``budget`` draws.

        ``active_questions`` returns the number of questions in play, this one included. ``equality`` makes equal
        answers one answer. ``in_flight`` counts the engine's draws.
        """
        self.problem, self.engine, self.extract, self.scorer = problem, engine, extract, scorer
        self.budget, self.options = budget, options
        self.usage = NOTHING
        self.aborted = self.cached = 0
        self.regrouped = False
        self._in_flight = in_flight or InFlight()
        self._signals, self._cache, self._active_questions = signals, cache, active_questions
        self._unread = (End.BOUNDARY,) if options.read_truncated else (End.BOUNDARY, End.LENGTH)
        self.answers = EqualAnswers(problem, equality, join=options.join_answers)
        self._delivered = 0
        self._pending: deque[tuple[Boundary, asyncio.Future[Sample]]] = deque()  # a task, or done if cached
        self._from_cache: set[int] = set()  # numbers of draws
        self._dropped: list[asyncio.Task[Sample]] = []

    async def __aenter__(self) -> Session:
        """Return the session itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Abort the draws in flight, quietly: the error that ended the block is the one to see."""
        await abort([task for _, task in self._pending if isinstance(task, asyncio.Task)])
        await settle(self._dropped)

    async def samples(self, draw: Draw) -> list[Sample]:
        """Return the samples of one draw, scored, in order of submission."""
        if self._pending and (draw.prefix is not None or self._pending[0][0] != draw.until):
            await self.abort_pending()
        ahead = (
            0
            if draw.prefix is not None
            else max(self.options.lookahead, self.options.min_in_flight // self._active_questions() - draw.n)
        )
        want = draw.n + max(0, min(ahead, self.budget - self._delivered - draw.n))
        if draw.n == want == 1 and not self._pending:  # nothing runs at the same time, so it needs no task
            sample = self._lookup(self._delivered, draw) or await self._draw(self._request(self._delivered, draw))
            self._delivered += 1
            return await self._deliver([sample], draw)
        for index in range(self._delivered + len(self._pending), self._delivered + want):
            ahead = index >= self._delivered + draw.n
            self._pending.append((draw.until, self._start(index, draw, ahead=ahead)))
        asked = [task for _, task in islice(self._pending, draw.n)]
        if asked:  # unlike gather, a cancelled wait leaves the tasks running, to be aborted once
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # a bug need not wait for the rest
        for _ in asked:
            self._pending.popleft()
        self._delivered += len(asked)
        return await self._deliver([task.result() for task in asked], draw)

    def _request(self, index: int, draw: Draw, *, ahead: bool = False) -> Request:
        return Request(self.problem, index, draw.prefix, draw.until, self._signals, ahead=ahead)

    def _lookup(self, index: int, draw: Draw) -> Sample | None:
        if self._cache is None:
            return None
        sample = lookup(self._cache, self.problem, index, draw)
        if sample is not None:
            self._from_cache.add(index)
        return sample

    def _start(self, index: int, draw: Draw, *, ahead: bool) -> asyncio.Future[Sample]:
        sample = self._lookup(index, draw)
        if sample is None:
            return asyncio.create_task(self._draw(self._request(index, draw, ahead=ahead)))
        ready: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        ready.set_result(sample)
        return ready

    async def _deliver(self, samples: list[Sample], draw: Draw) -> list[Sample]:
        self.regrouped, spent = await self.answers.add(samples, graded=self._cache is not None)
        self.usage += spent
        if self._cache is not None and self._from_cache:
            read = MeteredEngine(self.engine)
            samples = await complete(self._cache, self.problem, samples, self._from_cache, self._signals, read)
            self.usage += read.usage
        unscored = {s.index for s in samples if needs_score(s)}
        samples = await self._score(samples)
        if is_cancelled():  # an engine or a scorer reported the abort as a failure, or lost it
            raise asyncio.CancelledError
        self.usage = sum((s.usage for s in samples if s.usage is not None), self.usage)
        if self._cache is not None:
            for sample in samples:
                if sample.index in self._from_cache:
                    self.cached += 1
                    if sample.index in unscored and not needs_score(sample) and draw.until.kind == "end":
                        self._cache.put_score(self.problem, sample)
                elif cacheable(self._cache, sample, draw):
                    self._cache.put(self.problem, sample, draw.until)
        return [self.answers.named(sample) for sample in samples]

    async def abort_pending(self) -> None:
        """Abort the draws in flight and charge them; the next draw takes the first number that was not delivered.

        Raises:
            Exception: the bug that one of them hit.
        """
        tasks = self._dropped = [task for _, task in self._pending if isinstance(task, asyncio.Task)]
        self._pending.clear()
        self._from_cache.clear()
        await abort(tasks)
        self.aborted += len(tasks)
        for task in tasks:
            if not task.cancelled():  # it had finished before the abort: wasted all the same
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
                    if is_cancelled() or not error.again:
                        break
                except BaseException:
                    spent += unused(charge(request.meter))
                    raise
        except asyncio.CancelledError:
            self.usage += spent
            raise
        return Sample(end=End.FAILED, index=request.index, usage=spent, error=failure)

    async def _attempt(self, request: Request, spent: Usage) -> Sample:
        with self._in_flight.draw() as life:
            sample = await collected(self.engine, request)
        return replace(
            sample,
            in_flight=life.rows,
            machine_s=life.machine_s,
            estimated=request.meter.estimated or None,
            answer=None if sample.end in self._unread else self.extract(self.problem, sample.text),
            usage=charge(request.meter) if spent is NOTHING else spent + charge(request.meter),
        )

    async def _score(self, samples: list[Sample]) -> list[Sample]:
        """Give each sample its confidence and its share of the cost, unless it failed or has one from the cache.

        An empty sample has the confidence 0. If scoring fails in every attempt, or the sample lacks the signals that
        the scorer reads, it has failed.
        """
        scorer = self.scorer
        if scorer is None or not any(needs_score(s) for s in samples):
            return samples
        if scorer.compares_samples:  # those from the cache are compared with the new ones
            samples = [replace(s, confidence=None) for s in samples]
        samples = [replace(s, confidence=0.0) if is_empty(s) else s for s in samples]
        unscored = [s for s in samples if needs_score(s)]
        if not unscored:
            return samples
        shown = [self.answers.named(s) for s in unscored] if scorer.compares_samples else unscored
        engine, failure, missing = MeteredEngine(self.engine), "", False
        try:
            for number in range(self.options.retries + 1):
                if number:
                    await self._pause(number)
                try:
                    shown = await with_signals(self.problem, shown, scorer.needs, engine)
                    scores = await scorer.score(self.problem, shown, engine)
                    confidences = checked_scores(scorer.name, self.problem, unscored, scores, abstains=scorer.abstains)
                    return with_scores(samples, confidences, engine.usage, scorer=scorer.name)
                except MissingSignalError as error:  # of one sample: the probe of the engine found the signal
                    failure, missing = str(error), True
                    break
                except EngineError as error:
                    failure = str(error)
                    if is_cancelled() or not error.again:
                        break
        except BaseException:
            self.usage += engine.usage
            raise
        self.usage += engine.usage
        if missing and len(unscored) > 1:  # the others can be judged
            alone = [await self._score([s]) if needs_score(s) else [s] for s in samples]
            return [s for [s] in alone]
        return [failed(s, failure) if needs_score(s) else s for s in samples]

    async def _pause(self, number: int) -> None:
        """Wait before attempt ``number``, each time twice as long."""
        await asyncio.sleep(self.options.backoff_s * 2 ** (number - 1))


def is_cancelled() -> bool:
    """Return whether the current task was cancelled, even if something swallowed the CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
