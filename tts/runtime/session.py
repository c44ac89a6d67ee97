"""One question on a live engine: its draws in flight, delivered in order of submission, and its account.

Knows nothing about strategies or other questions. A draw or a scoring that fails is retried; after the last attempt it
is a FAILED sample. Anything but an ``EngineError`` is a bug and propagates.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from time import time

from tts.answers.meaning.equality import Equality
from tts.answers.tools.calls import CallReader
from tts.engines.base import Engine, Meter, Request
from tts.engines.sampling import SamplingChange
from tts.engines.streams import abort, collected, settle
from tts.errors import EngineError
from tts.runtime.cache import SampleCache, cacheable, complete, lookup
from tts.runtime.calls.reading import read_by
from tts.runtime.equal_answers import EqualAnswers
from tts.runtime.in_flight import InFlight
from tts.runtime.judging import Judging
from tts.runtime.ledger import NOTHING, Account, charge, unused
from tts.runtime.options import Extract, Options
from tts.runtime.rows import Rows, RowShare
from tts.runtime.scoring import needs_score
from tts.scorers.base import Scorer
from tts.scorers.metered import MeteredEngine
from tts.types import Boundary, Draw, End, Problem, Sample, Signals, Usage


class Session:
    """The draws of one question; leaving the context aborts what is in flight.

    Attributes:
        account: every token spent so far, exact once nothing is in flight.
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
        sampling: SamplingChange | None = None,
        cache: SampleCache | None = None,
        active_questions: Callable[[], int] = lambda: 1,
        equality: Equality | None = None,
        known_answers: Sequence[str] = (),
        calls: CallReader | None = None,
        in_flight: InFlight | None = None,
        rows: RowShare | None = None,
        drawn: Callable[[Sample], None] | None = None,
    ) -> None:
        """Start with nothing in flight; never look ahead beyond ``budget`` draws.

        ``sampling`` changes sampling parameters for this question, rollouts of its scorer included.
        ``active_questions`` returns the number of questions in play, this one included. ``equality`` makes equal
        answers one answer, named by the first one; ``known_answers`` go before those of the draws. ``calls`` reads
        calls of tools. ``in_flight`` counts the engine's draws, and ``rows`` is the question's share of its rows.
        ``drawn`` receives each sample when it has ended, failed ones included, before it is scored.
        """
        self.problem, self.engine, self._read = problem, engine, read_by(problem, extract, calls)
        self.budget, self.options = budget, options
        self.account = Account()
        self.aborted = self.cached = 0
        self.regrouped = False
        self._in_flight, self._rows = in_flight or InFlight(), rows or Rows().share()
        self._signals, self._sampling, self._drawn = signals, sampling, drawn
        self._cache, self._active_questions = cache, active_questions
        self._unread = (End.BOUNDARY,) if options.read_truncated else (End.BOUNDARY, End.LENGTH)
        self.answers = EqualAnswers(problem, equality, join=options.join_answers)
        self._known_answers = [] if equality is None else [Sample(answer=answer) for answer in known_answers]
        self._judging = None if scorer is None else self._judge(scorer)
        self._delivered = 0
        self._pending: deque[tuple[Boundary, asyncio.Future[Sample]]] = deque()  # a task, or done if cached
        self._from_cache: set[int] = set()  # numbers of draws
        self._dropped: list[asyncio.Task[Sample]] = []
        self._held: list[Sample] = []  # drawn, and on their way to the strategy

    def _judge(self, scorer: Scorer) -> Judging:
        more = (self._pause, is_cancelled, self.answers.named)
        return Judging(self.problem, scorer, self._metered, self.account, self.options.retries, *more)

    def _metered(self) -> MeteredEngine:
        """Return the engine for one call of a scorer."""
        return MeteredEngine(self.engine, row=lambda: self._rows, sampling=self._sampling)

    async def __aenter__(self) -> Session:
        """Return the session itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Abort the draws in flight, quietly: the error that ended the block is the one to see."""
        await abort([task for _, task in self._pending if isinstance(task, asyncio.Task)])
        await settle(self._dropped)

    @property
    def usage(self) -> Usage:
        """Every token spent so far; a draw from the cache counts at its original cost."""
        return self.account.usage

    async def samples(self, draw: Draw) -> list[Sample]:
        """Return the samples of one draw, scored, in order of submission."""
        if self._pending and (draw.continues or self._pending[0][0] != draw.until):
            await self.abort_pending()
        ahead = max(self.options.lookahead, self.options.min_in_flight // self._active_questions() - draw.n)
        ahead = 0 if draw.continues else ahead
        want = draw.n + max(0, min(ahead, self.budget - self._delivered - draw.n))
        if draw.n == want == 1 and not self._pending:  # nothing runs at the same time, so it needs no task
            one = draw.single(0)
            sample = self._lookup(self._delivered, one) or await self._draw(self._request(self._delivered, one))
            self._delivered += 1
            return await self._deliver([sample], draw)
        for index in range(self._delivered + len(self._pending), self._delivered + want):
            number = index - self._delivered
            self._pending.append((draw.until, self._start(index, draw.single(number), ahead=number >= draw.n)))
        asked = [task for _, task in islice(self._pending, draw.n)]
        if asked:  # unlike gather, a cancelled wait leaves the tasks running, to be aborted once
            done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # a bug need not wait for the rest
        for _ in asked:
            self._pending.popleft()
        self._delivered += len(asked)
        return await self._deliver([task.result() for task in asked], draw)

    async def ready(self, draw: Draw, *, needs_confidence: bool) -> list[Sample]:
        """Return the samples of a draw that was cut short which are ready, and abort the others.

        Args:
            draw: the draw whose samples were awaited; none can be drawn afterwards.
            needs_confidence: leave out samples whose confidence would take the engine more time.

        Raises:
            Exception: the bug that one of the draws hit.
        """
        if not self._held:
            asked = [task for _, task in islice(self._pending, draw.n) if task.done()]
            self._pending = deque(one for one in self._pending if one[1] not in asked)
            self._held = [task.result() for task in asked]
        await self.abort_pending(forget=False)
        samples, self._held = self._held, []
        judged = samples if self._judging is None else await self._judging.scored_at_once(samples)
        wanted = [s for s in judged if not (needs_confidence and needs_score(s))]
        return self._settled(samples, wanted, {s.index for s in samples if needs_score(s)}, draw)

    def _request(self, index: int, draw: Draw, *, ahead: bool = False) -> Request:
        return Request(
            self.problem, index, draw.prefix, draw.until, self._signals, ahead=ahead, sampling=self._sampling
        )

    def _lookup(self, index: int, draw: Draw) -> Sample | None:
        if self._cache is None:
            return None
        sample = lookup(self._cache, self.problem, index, draw, self._signals)
        if sample is None:
            return None
        self._from_cache.add(index)
        # what calls mean depends on arguments that do not vote, which the cache does not know
        return replace(sample, answer=self._read(sample)) if sample.calls and draw.until.kind == "end" else sample

    def _start(self, index: int, draw: Draw, *, ahead: bool) -> asyncio.Future[Sample]:
        sample = self._lookup(index, draw)
        if sample is None:
            return asyncio.create_task(self._draw(self._request(index, draw, ahead=ahead)))
        ready: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        ready.set_result(sample)
        return ready

    async def _deliver(self, samples: list[Sample], draw: Draw) -> list[Sample]:
        drawn = self._held = samples
        known, self._known_answers = self._known_answers, []
        graded, spend = self._cache is not None, self.account.charge
        self.regrouped, reused = await self.answers.add([*known, *samples], graded=graded, spend=spend)
        self.account.reuse(reused)
        if self._cache is not None and self._from_cache:
            read = self._metered()
            try:
                samples = await complete(self._cache, self.problem, samples, self._from_cache, self._signals, read)
            finally:
                self.account.charge(read.usage)
        unscored = {s.index for s in samples if needs_score(s)}
        if self._judging is not None:
            samples = await self._judging.scored(samples)
        if is_cancelled():  # an engine or a scorer reported the abort as a failure, or lost it
            raise asyncio.CancelledError
        self._held = []
        return self._settled(drawn, samples, unscored, draw)

    def _settled(
        self, drawn: Sequence[Sample], samples: Sequence[Sample], unscored: set[int], draw: Draw
    ) -> list[Sample]:
        """Book samples as delivered, keep them, and return them with the names of their answers.

        Args:
            drawn: the samples as they were drawn or cached, those that are not delivered among them.
            samples: those to deliver.
            unscored: the numbers of those that came without a score.
            draw: the draw that they serve.
        """
        fresh = [s for s in samples if s.index not in self._from_cache] if self._from_cache else samples
        self.account.deliver(fresh)
        if self._from_cache:
            alive = {s.index for s in samples if s.end is not End.FAILED}
            for sample in (s for s in drawn if s.index in self._from_cache):
                self.account.reuse(sample.usage if sample.index in alive else unused(sample.usage))
        if self._cache is not None:
            for sample in samples:
                if sample.index in self._from_cache:
                    self.cached += 1
                    if sample.index in unscored and not needs_score(sample) and draw.until.kind == "end":
                        self._cache.put_score(self.problem, sample)
                elif cacheable(self._cache, sample, draw):
                    self._cache.put(self.problem, sample, draw.until)
        return [self.answers.named(sample) for sample in samples]

    async def abort_pending(self, *, forget: bool = True) -> None:
        """Abort the draws in flight; the next draw takes the first number that was not delivered.

        Args:
            forget: which of the draws came from the cache is not needed any more.

        Raises:
            Exception: the bug that one of them hit.
        """
        tasks = self._dropped = [task for _, task in self._pending if isinstance(task, asyncio.Task)]
        self._pending.clear()
        if forget:
            self._from_cache.clear()
        await abort(tasks)
        self.aborted += len(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _draw(self, request: Request) -> Sample:
        sample = await self._tried(request)
        if self._drawn is not None:
            self._drawn(sample)
        return sample

    async def _tried(self, request: Request) -> Sample:
        """Draw one sample, retrying failures; each attempt is charged, however it ends."""
        spent, failure, name = NOTHING, "", None
        for number in range(self.options.retries + 1):
            if number:
                await self._pause(number)
                request = replace(request, attempt=number, meter=Meter())
            try:
                return await self._attempt(request, spent)
            except EngineError as error:
                spent += unused(charge(request.meter))
                failure, name = str(error), error.failure or None
                if is_cancelled() or not error.again:
                    break
            finally:
                self.account.charge_draw(request.meter)
        return Sample(end=End.FAILED, index=request.index, usage=spent, error=failure, failure=name)

    async def _attempt(self, request: Request, spent: Usage) -> Sample:
        asked = time()
        async with self._rows:
            with self._in_flight.draw(request.meter) as life:
                sample = await collected(self.engine, request)
        return replace(
            sample,
            started_s=asked,
            in_flight=life.rows,
            machine_s=life.machine_s,
            estimated=request.meter.estimated or None,
            answer=None if sample.end in self._unread else self._read(sample),
            parent=None if request.prefix is None else request.prefix.index,
            usage=charge(request.meter) if spent is NOTHING else spent + charge(request.meter),
        )

    async def _pause(self, number: int) -> None:
        """Wait before attempt ``number``, each time twice as long."""
        await asyncio.sleep(self.options.backoff_s * 2 ** (number - 1))


def is_cancelled() -> bool:
    """Return whether the current task was cancelled, even if something swallowed the CancelledError."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
