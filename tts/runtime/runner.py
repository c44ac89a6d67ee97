"""The runner: plays questions on one engine at any time, each with its own strategy, and keeps the ledger.

Strategies decide, the runner does the work. It starts draws and delivers samples **in order of submission** (in order
of completion a vote would silently prefer short answers). It keeps ``lookahead`` further draws of a question in flight,
aborts them when the strategy returns, and charges every token to one cause. A failed draw is retried, then delivered as
a FAILED sample: it uses up budget and stays visible, so the budget never shrinks silently.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from tts.answers.meaning.equality import Equality
from tts.engines.base import Engine
from tts.engines.sampling import SamplingChange
from tts.errors import InputError, UnsupportedError
from tts.requirements import missing
from tts.runtime.admission import Admission
from tts.runtime.cache import SampleCache
from tts.runtime.calls.names_first import NamesFirst
from tts.runtime.calls.reading import call_reader
from tts.runtime.checks import check_extract, check_problem
from tts.runtime.deadline import Deadline
from tts.runtime.in_flight import InFlight
from tts.runtime.ledger import NOTHING, without
from tts.runtime.options import DEFAULTS, Extract, Options
from tts.runtime.rows import Rows
from tts.runtime.session import Session
from tts.runtime.steps import PlayedSteps
from tts.scorers.available import live_source
from tts.scorers.base import Scorer
from tts.strategy import Strategy
from tts.types import Decision, Draw, Problem, Sample, Signals, Usage

NONE = Signals()
Ledger = Callable[[Problem, Usage], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One problem's decision, with every token spent on it in ``decision.usage``.

    Attributes:
        problem: the problem.
        decision: the strategy's decision.
        aborted: draws started by look-ahead that were not delivered.
        cached: samples of the decision that came from the cache; ``decision.usage`` counts their original cost.
        spellings: the answers that are equal to the decision's, itself included, where answers were compared.
    """

    problem: Problem
    decision: Decision
    aborted: int = 0
    cached: int = 0
    spellings: tuple[str, ...] = ()


class Runner:
    """Plays questions on one engine, at any time and from any task of one event loop.

    Attributes:
        engine: the engine.
        options: look-ahead, rows and retries; ``concurrency`` is that of lists of problems.
        spent: the tokens of all questions that are over, however they ended.
        active: questions that are being played.
        in_flight: the draws in flight, and the tokens drawn so far.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        extract: Extract | None = None,
        options: Options = DEFAULTS,
        max_questions: int = 64,
        max_waiting: int = 1024,
        ledger: Ledger | None = None,
    ) -> None:
        """Take an open engine.

        Args:
            engine: draws the samples.
            extract: reads the canonical answer from a finished text, for questions that bring no reader of their own.
            options: look-ahead, rows and retries.
            max_questions: questions in progress, >= 1.
            max_waiting: further questions that wait for a place, >= 0; beyond them a question is refused.
            ledger: receives the tokens of each question once, when it is over, be it decided, failed, cancelled or out
                of time. At rest their sum is what the engine has counted.

        Raises:
            InputError: a number out of range, or an ``extract`` that cannot be called.
        """
        if extract is not None:
            check_extract(extract)
        self.engine, self.options, self.spent, self.active = engine, options, NOTHING, 0
        self._extract, self._ledger = extract, ledger
        self._checked: tuple[Strategy | None, Scorer | None, Signals, Signals] = (None, None, NONE, NONE)  # the last
        self._admission, self._deadlines = Admission(max_questions, max_waiting), set[Deadline]()
        self.in_flight = InFlight(options.rows or math.inf)
        self._rows = Rows(options.rows if options.share_rows else None)

    def resize(self, rows: int) -> None:
        """Take another number of rows, >= 1, of an engine that has grown or shrunk; draws in progress go on."""
        self.in_flight.resize(rows)
        self._rows.resize(rows)

    @property
    def waiting(self) -> int:
        """Questions that wait for a place."""
        return self._admission.waiting

    @property
    def draws_waiting(self) -> int:
        """Draws that wait for a row of the engine's batch."""
        return self._rows.waiting

    async def run(
        self,
        strategy: Strategy,
        problem: Problem,
        *,
        extract: Extract | None = None,
        scorer: Scorer | None = None,
        signals: Signals = NONE,
        sampling: SamplingChange | None = None,
        cache: SampleCache | None = None,
        equality: Equality | None = None,
        known_answers: Sequence[str] = (),
        ignore: Collection[str] = (),
        lookahead: int | None = None,
        time_limit_s: float | None = None,
        drawn: Callable[[Sample], None] | None = None,
    ) -> Result:
        """Play one question; where the engine gives calls of tools, a problem with tools is decided by names first.

        Args:
            strategy: the strategy.
            problem: the question.
            extract: reads the canonical answer from a finished text; None takes the runner's.
            scorer: gives each sample its confidence.
            signals: signals to collect besides those of the strategy and the scorer.
            sampling: changes sampling parameters for this question; with a cache, those that its samples are drawn
                with.
            cache: keeps draws, so that none is drawn or scored again.
            equality: makes equal answers one answer; None compares texts. Its tokens are part of the decision's usage,
                as a scorer's are.
            known_answers: answers that exist already; equal answers of the draws get the name of the first one.
            ignore: names of tools' arguments that do not vote.
            lookahead: draws that start before the strategy asks for them, >= 0; None takes the option of the runner.
            time_limit_s: seconds until the strategy must decide on what it has, > 0; the time in which the question
                waits for its place counts. None sets no limit.
            drawn: receives each sample when it has ended, in the order of their ends.

        Raises:
            InputError: a problem, an ``extract`` or a number that cannot be used.
            UnsupportedError: the engine or the scorer does not meet the strategy's requirements, the strategy does not
                handle the end of its time, or a cache of other sampling parameters.
            BusyError: as many questions wait as may.
        """
        loop = asyncio.get_running_loop()
        if time_limit_s is not None and not time_limit_s > 0.0:
            raise InputError(f"time_limit_s must be above 0 seconds, got {time_limit_s}: leave it out to set none")
        deadline = None if time_limit_s is None else Deadline(loop.time() + time_limit_s)
        check_problem(problem)
        if extract is not None:
            check_extract(extract)
        read = extract or self._extract
        if read is None:
            raise UnsupportedError("a live engine needs `extract` to read answers from texts")
        if cache is not None and sampling != getattr(cache, "sampling", None):
            raise UnsupportedError("a cache keeps samples of other sampling parameters: leave cache or sampling out")
        if sampling is not None and sampling.stop and not self.engine.capabilities.stop_texts:
            raise UnsupportedError("the engine ends no sample at texts of a request: leave stop out")
        collected = self.check(strategy, scorer, signals)
        calls = call_reader(problem, self.engine.capabilities, ignore)
        strategy = strategy if calls is None else NamesFirst(strategy, calls)
        options = self.options if lookahead is None else replace(self.options, lookahead=lookahead)
        if strategy.requires.branching:  # the next draws depend on the last samples
            options = replace(options, lookahead=0, min_in_flight=0)
        session = Session(
            problem,
            self.engine,
            extract=read,
            scorer=scorer,
            budget=strategy.budget,
            options=options,
            signals=collected,
            sampling=sampling,
            cache=cache,
            active_questions=lambda: self.active,
            equality=equality,
            known_answers=known_answers,
            calls=calls,
            in_flight=self.in_flight,
            rows=self._rows.share(),
            drawn=drawn,
        )
        if deadline is not None:
            self._deadlines.add(deadline)
        try:
            result = await self._admitted(strategy, problem, session, deadline)
        finally:
            if deadline is not None:
                self._deadlines.discard(deadline)
            self.spent += session.account.spent
            if self._ledger is not None:
                self._ledger(problem, session.account.spent)
        if cache is not None:
            cache.decided(problem)
        return result

    def check(self, strategy: Strategy, scorer: Scorer | None = None, signals: Signals = NONE) -> Signals:
        """Return the signals that draws collect for a strategy.

        Raises:
            UnsupportedError: the engine or the scorer does not meet the strategy's requirements.
        """
        if all(a is b for a, b in zip(self._checked, (strategy, scorer, signals), strict=False)):
            return self._checked[3]
        required, whose = strategy.requires, f"strategy {strategy.name}"
        beside = signals if scorer is None else signals | scorer.needs
        collected = required.collected(self.engine.capabilities, beside=beside)
        whose += "" if scorer is None else f" with scorer {scorer.name}"
        available = live_source(scorer, self.engine.capabilities, recorded=signals)
        if lack := missing(replace(required, signals=collected), available):
            raise UnsupportedError(f"{whose} {lack}")
        self._checked = (strategy, scorer, signals, collected)
        return collected

    def finish_by(self, at: float) -> None:
        """Have every question with a time limit, running or waiting, decide by a time of the event loop."""
        for deadline in self._deadlines:
            deadline.move_up(at)

    async def _admitted(
        self, strategy: Strategy, problem: Problem, session: Session, deadline: Deadline | None
    ) -> Result:
        """Play the question once it has a place; where its time is up before, it decides on nothing."""
        if deadline is None:
            await self._admission.enter()
        else:
            try:
                await deadline.wait(self._admission.enter())
            except TimeoutError:
                if not deadline.passed:
                    raise
                return await _play(strategy, problem, session, deadline)
        self.active += 1
        try:
            if self.options.min_in_flight:
                await asyncio.sleep(0)  # questions that start together are counted before the first draws
            return await _play(strategy, problem, session, deadline)
        finally:
            self.active -= 1
            self._admission.leave()


async def _play(strategy: Strategy, problem: Problem, session: Session, deadline: Deadline | None) -> Result:
    """Play a strategy on its session to its decision."""
    async with session:
        with closing(PlayedSteps(strategy, problem)) as steps:
            try:
                draw = steps.start()
                while True:
                    samples = await _samples(session, draw, deadline)
                    if samples is None:
                        steps.time_up(await session.ready(draw, needs_confidence=strategy.requires.confidence))
                    if session.regrouped:
                        steps.rename(samples, session.answers.named)
                    draw = steps.send(samples)
            except StopIteration as stop:
                await session.abort_pending()
                decision: Decision = stop.value
                used = {(sample.index, sample.given) for sample in decision.samples}
                beyond = [s for s in steps.overtaken if (s.index, s.given) not in used]
                return Result(
                    problem,
                    replace(decision, usage=without(session.usage, beyond)),
                    session.aborted,
                    session.cached,
                    session.answers.spellings(decision.answer),
                )


async def _samples(session: Session, draw: Draw, deadline: Deadline | None) -> list[Sample] | None:
    """Return the samples of a draw, or None where the time is up before."""
    if deadline is None:
        return await session.samples(draw)
    if deadline.passed:
        return None
    try:
        return await deadline.wait(session.samples(draw))
    except TimeoutError:
        if not deadline.passed:
            raise
        return None
