"""However a run is cut short (an early close, a cancel, an interrupt), nothing is left behind or blocked."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from strategies.stopping import Beta, Confident
from strategies.vote import Vote
from tests.engines.cases import (
    PLAYED,
    VOTES,
    CountingEngine,
    PassScorer,
    StallingEngine,
    TurnsEngine,
    calmly,
    said,
    turns,
)
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine, Latency, extract
from tts.errors import EngineError
from tts.runtime.driver import Options, run, run_all
from tts.scorers.controls import ConstantScorer
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import Draw, Problem

MANY = FakeEngine.problems(20)
HASTE = Options(concurrency=8, lookahead=2, backoff_s=0.0)


async def cancelled(work: Awaitable[Any], turn: int) -> None:
    """Cancel work at a turn of the event loop, before its end."""
    task = asyncio.ensure_future(work)
    await turns(turn)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("name", sorted(PLAYED))
@pytest.mark.parametrize("lookahead", [0, 3])
def test_a_consumer_cancelled_at_any_turn_leaves_nothing(name: str, lookahead: int) -> None:
    async def scenario(turn: int) -> None:
        engine = CountingEngine(latency=Latency(prefill=1), fails=lambda r: r.index == 1)
        options = Options(concurrency=3, lookahead=lookahead, backoff_s=0.0)
        endless = itertools.cycle(MANY)

        async def consume() -> None:
            async for _ in run(PLAYED[name], endless, engine, extract=extract, scorer=WatchedScorer(), options=options):
                pass

        await cancelled(consume(), turn)
        drawn = engine.drawn
        await turns(20)
        assert engine.drawn == drawn
        assert not any(engine.open.values())

    for turn in [*range(10), *range(10, 80, 10)]:
        calmly(scenario(turn))


@pytest.mark.parametrize("taken", [0, 1, 5, 12])
@pytest.mark.parametrize("rest", [0, 1, 300])
def test_closing_early_aborts_what_is_in_flight(taken: int, rest: int) -> None:
    engine = CountingEngine()

    async def scenario() -> None:
        problems = itertools.cycle(MANY)
        results = run(VOTES["adaptive"], problems, engine, extract=extract, options=Options(concurrency=4, lookahead=2))
        for _ in range(taken):
            await anext(results)
        await turns(rest)
        await results.aclose()  # type: ignore[attr-defined]
        assert not any(engine.open.values())
        drawn = engine.drawn
        await turns(20)
        assert engine.drawn == drawn

    calmly(scenario())


def test_a_consumer_that_breaks_off_with_an_error_leaves_nothing() -> None:
    engine = CountingEngine()

    async def scenario() -> None:
        async for _ in run(Vote("sc", 2), itertools.cycle(MANY), engine, extract=extract, options=HASTE):
            raise LookupError("of the consumer")

    with pytest.raises(LookupError, match="of the consumer"):
        asyncio.run(scenario())
    assert not any(engine.open.values())


def test_every_draw_cleans_up_to_its_end_and_is_cancelled_once() -> None:
    engine = StallingEngine(clean=5)

    async def scenario() -> None:
        await cancelled(run_all(Vote("sc", 4), MANY[:3], engine, extract=said, options=Options(lookahead=2)), 30)

    calmly(scenario())
    assert engine.cleaned == engine.opened == 12


def test_an_abort_cut_short_by_a_cancel_still_waits_for_the_draws() -> None:
    class Slow(TurnsEngine):
        cleaned = 0

        async def sample(self, request: Request) -> Any:
            try:
                async for chunk in super().sample(request):
                    yield chunk
            finally:
                await turns(40 * (request.index > 0))
                self.cleaned += 1

    async def scenario(turn: int) -> None:
        engine = Slow("abcdef", [3, 99, 99, 99, 99, 99])
        strategy = Vote("grace_es", 6, stop=(Confident(tau=0.1),))
        # at this turn the strategy has returned, and what it looked ahead is being aborted
        options = Options(lookahead=3)
        await cancelled(
            run_all(strategy, MANY[:1], engine, extract=said, scorer=ConstantScorer(), options=options), turn
        )
        assert engine.cleaned == 4

    for turn in (20, 30, 40):
        calmly(scenario(turn))


def test_a_draw_whose_abort_looks_like_a_failure_is_not_retried() -> None:
    class Rude(StallingEngine):
        async def sample(self, request: Request) -> Any:
            try:
                async for chunk in super().sample(request):
                    yield chunk
            except asyncio.CancelledError:
                raise EngineError("connection lost") from None

    for strategy, lookahead, opened in ((Vote("sc", 3), 0, 9), (VOTES["adaptive"], 2, 9), (VOTES["adaptive"], 0, 3)):
        engine = Rude()

        async def scenario(strategy: Vote = strategy, engine: Rude = engine, lookahead: int = lookahead) -> None:
            options = Options(lookahead=lookahead, backoff_s=0.0)
            await cancelled(run_all(strategy, MANY[:3], engine, extract=said, options=options), 30)

        calmly(scenario())
        assert engine.opened == opened


@pytest.mark.parametrize("swallows", [True, False])
@pytest.mark.parametrize("budget", [1, 5])
def test_a_scorer_that_hides_the_abort_does_not_keep_the_run_alive(swallows: bool, budget: int) -> None:
    class Deaf(PassScorer):
        async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallows:
                    return [0.5] * len(samples)
                raise EngineError("connection lost") from None

    read = 0

    def counted() -> Iterator[Problem]:
        nonlocal read
        for problem in itertools.cycle(MANY):
            read += 1
            yield problem

    async def scenario() -> None:
        results = run(
            Vote("asc", budget, stop=(Beta(),)),
            counted(),
            FakeEngine(),
            extract=extract,
            scorer=Deaf(),
            options=Options(concurrency=2),
        )
        await cancelled(anext(results), 100)

    calmly(scenario())
    assert read == 2


class Interrupted(Vote):
    """Meets something at its third draw."""

    def run(self, problem: Problem) -> Steps:
        yield Draw(2)
        interruption = yield from self.meet()
        raise AssertionError(interruption)

    def meet(self) -> Steps:
        signal.raise_signal(signal.SIGINT)
        yield Draw(1)
        raise AssertionError("the loop went on")


class Exits(Interrupted):
    def meet(self) -> Steps:
        yield Draw(1)
        raise SystemExit(3)


@pytest.mark.parametrize(("strategy", "error"), [(Interrupted, KeyboardInterrupt), (Exits, SystemExit)])
def test_an_interrupt_ends_the_run_and_every_draw(strategy: type[Vote], error: type[BaseException]) -> None:
    engine = CountingEngine()
    with pytest.raises(error):
        calmly(run_all(strategy("interrupted", 6), MANY, engine, extract=extract, options=HASTE))
    assert not any(engine.open.values())


def test_a_run_that_was_never_started_leaves_nothing() -> None:
    async def scenario() -> None:
        results = run(Vote("sc", 1), MANY, FakeEngine(), extract=extract)
        await results.aclose()  # type: ignore[attr-defined]

    calmly(scenario())


def test_an_abort_that_goes_wrong_does_not_block_a_run_whose_results_nobody_takes() -> None:
    class Bad(FakeEngine):
        async def sample(self, request: Request) -> Any:
            try:
                async for chunk in super().sample(request):
                    yield chunk
                    if request.problem.id == "fake-19":
                        await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ValueError("a second bug") from None

    async def scenario() -> None:
        results = run(Vote("sc", 2), reversed(MANY), Bad(), extract=extract, options=Options(concurrency=3))
        await anext(results)
        await turns(500)  # every worker has a result to hand over, but for the one that waits for ever
        await results.aclose()  # type: ignore[attr-defined]

    calmly(scenario())
