"""Questions played at any time: places, rows shared fairly, time limits, and a ledger that misses no token."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from strategies.catalog import CATALOG, method
from strategies.vote import Vote
from tests.engines.cases import PLAYED, PassScorer, calmly, turns
from tts.engines.base import Chunk, Request
from tts.engines.fake import FakeEngine, Latency, extract
from tts.errors import BusyError, EngineError, InputError, UnsupportedError
from tts.runtime import Runner
from tts.runtime.options import Options
from tts.scorers.watched import WatchedScorer
from tts.strategy import BaseStrategy, Steps, TimeUp
from tts.types import Decision, Draw, Problem, Usage

MANY = FakeEngine.problems(40)
SLOW = Latency(prefill=1, tick_s=0.001)


def counted(engine: FakeEngine) -> tuple[int, int, int, int]:
    return engine.drawn, engine.prompt, engine.prompt_cached, engine.scored


def booked(spent: Usage) -> tuple[int, int, int, int]:
    drawn = spent.delivered + spent.aborted + spent.scorer_decode
    return drawn, spent.prompt, spent.prompt_cached, spent.scorer_prefill


def test_questions_come_at_any_time_each_with_its_own_strategy_and_scorer() -> None:
    engine = FakeEngine()
    runner = Runner(engine, extract=extract)

    async def scenario() -> list[Any]:
        first = asyncio.create_task(runner.run(Vote("sc", 4), MANY[0]))
        await turns(5)
        second = asyncio.create_task(runner.run(PLAYED["beams"], MANY[1], scorer=WatchedScorer()))
        return [await first, await second]

    one, two = calmly(scenario())
    assert len(one.decision.samples) == 4 and two.decision.answer is not None
    assert booked(runner.spent) == counted(engine)


def test_beyond_its_places_and_its_queue_a_question_is_refused() -> None:
    async def scenario() -> None:
        runner = Runner(FakeEngine(), extract=extract, max_questions=2, max_waiting=1)
        tasks = [asyncio.create_task(runner.run(Vote("sc", 2), problem)) for problem in MANY[:3]]
        await turns(2)
        assert (runner.active, runner.waiting) == (2, 1)
        with pytest.raises(BusyError, match="2 questions are in progress and 1 wait, .* ask again later"):
            await runner.run(Vote("sc", 2), MANY[3])
        tasks[2].cancel()
        await turns(2)
        assert runner.waiting == 0
        tasks[2] = asyncio.create_task(runner.run(Vote("sc", 2), MANY[4]))
        results = await asyncio.gather(*tasks)
        assert [r.problem.id for r in results] == ["fake-0", "fake-1", "fake-4"]
        assert (runner.active, runner.waiting) == (0, 0)

    calmly(scenario())


@pytest.mark.parametrize("value", [{"max_questions": 0}, {"max_waiting": -1}])
def test_places_out_of_range_are_refused(value: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must be at least"):
        Runner(FakeEngine(), extract=extract, **value)  # type: ignore[arg-type]


def test_a_new_question_gets_its_first_row_within_one_samples_time() -> None:
    class Watching(FakeEngine):
        def __init__(self) -> None:
            super().__init__(latency=Latency(prefill=0))
            self.ended = 0
            self.begun_after: dict[str, int] = {}

        async def sample(self, request: Request) -> AsyncIterator[Chunk]:
            self.begun_after.setdefault(request.problem.id, self.ended)
            async for chunk in super().sample(request):
                yield chunk
            self.ended += 1

    async def scenario() -> None:
        engine = Watching()
        runner = Runner(engine, extract=extract, options=Options(rows=8))
        full = [asyncio.create_task(runner.run(Vote("sc", 16), problem)) for problem in MANY[:30]]
        await turns(200)
        assert runner.draws_waiting > 300 and len(engine.begun_after) == 30
        ended = engine.ended
        await runner.run(Vote("one", 1), MANY[39])
        assert engine.begun_after["fake-39"] <= ended + 8
        for task in full:
            task.cancel()
        await asyncio.gather(*full, return_exceptions=True)
        assert engine.running_most == 8 and runner.draws_waiting == 0

    calmly(scenario())


def test_rows_are_shared_evenly_while_all_want_more() -> None:
    held: Counter[str] = Counter()
    most: Counter[str] = Counter()

    class Watching(FakeEngine):
        async def sample(self, request: Request) -> AsyncIterator[Chunk]:
            held[request.problem.id] += 1
            if len(held) == 4:
                most[request.problem.id] = max(most[request.problem.id], held[request.problem.id])
            try:
                async for chunk in super().sample(request):
                    yield chunk
            finally:
                held[request.problem.id] -= 1

    async def scenario() -> None:
        runner = Runner(Watching(), extract=extract, options=Options(rows=8))
        await asyncio.gather(*(runner.run(Vote("sc", 32), problem) for problem in MANY[:4]))

    calmly(scenario())
    assert max(most.values()) <= 8


def test_a_question_out_of_time_decides_on_the_samples_that_are_ready() -> None:
    async def scenario() -> None:
        engine = FakeEngine(latency=SLOW)
        runner = Runner(engine, extract=extract, options=Options(rows=4))
        result = await runner.run(Vote("sc", 400), MANY[0], time_limit_s=0.4)
        assert result.decision.reason == "time_limit"
        assert 0 < len(result.decision.samples) < 400 and result.decision.answer is not None
        assert [s.index for s in result.decision.samples] == sorted(s.index for s in result.decision.samples)
        await turns(3)
        assert booked(runner.spent) == counted(engine) and result.decision.usage == runner.spent
        assert (runner.active, runner.draws_waiting) == (0, 0)

    calmly(scenario())


@pytest.mark.parametrize("name", sorted(CATALOG))
def test_every_strategy_of_the_catalogue_decides_when_its_time_is_up(name: str) -> None:
    row = method(name)
    strategy = row.build(64, row.example)
    steps = strategy.run(MANY[0])
    next(steps)
    with pytest.raises(StopIteration) as stop:
        steps.throw(TimeUp())
    decision: Decision = stop.value.value
    assert decision.reason == "time_limit" and decision.answer is None and decision.p_correct in (None, 0.0)


def test_a_question_whose_time_is_up_while_it_waits_has_no_answer() -> None:
    async def scenario() -> None:
        engine = FakeEngine(latency=SLOW)
        runner = Runner(engine, extract=extract, max_questions=1)
        long = asyncio.create_task(runner.run(Vote("sc", 64), MANY[0]))
        await turns(2)
        result = await runner.run(Vote("sc", 2), MANY[1], time_limit_s=0.01)
        assert (result.decision.reason, result.decision.answer, result.decision.usage) == ("time_limit", None, Usage())
        await long
        assert booked(runner.spent) == counted(engine)

    calmly(scenario())


def test_a_strategy_that_does_not_handle_the_end_of_its_time_fails_visibly() -> None:
    class Deaf(BaseStrategy):
        name, budget = "deaf", 100

        def run(self, problem: Problem) -> Steps:
            samples = yield Draw(100)
            return Decision(None, tuple(samples), "budget")

    class Greedy(Deaf):
        def run(self, problem: Problem) -> Steps:
            with suppress(Exception):
                yield Draw(100)
            samples = yield Draw(100)
            return Decision(None, tuple(samples), "budget")

    async def scenario() -> None:
        engine = FakeEngine(latency=SLOW)
        runner = Runner(engine, extract=extract)
        with pytest.raises(UnsupportedError, match=r"strategy deaf does not handle tts\.strategy\.TimeUp"):
            await runner.run(Deaf(), MANY[0], time_limit_s=0.005)
        with pytest.raises(UnsupportedError, match="asked for another draw after its time was up"):
            await runner.run(Greedy(), MANY[0], time_limit_s=0.005)
        await turns(2)
        assert booked(runner.spent) == counted(engine)

    calmly(scenario())


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_time_limit_out_of_range_is_refused(limit: float) -> None:
    with pytest.raises(InputError, match="time_limit_s must be above 0"):
        calmly(Runner(FakeEngine(), extract=extract).run(Vote("sc", 2), MANY[0], time_limit_s=limit))


@pytest.mark.parametrize("seed", range(12))
def test_every_token_of_every_question_reaches_the_ledger_however_it_ends(seed: int) -> None:
    """Cancels, time limits and failing draws at random moments: the ledger is what the engine counted, exactly."""
    rng = random.Random(seed)
    booked_by: dict[str, Usage] = {}

    def ledger(problem: Problem, usage: Usage) -> None:
        assert problem.id not in booked_by
        booked_by[problem.id] = usage

    def fails(request: Request) -> bool:
        return random.Random(f"{seed}{request.problem.id}{request.index}{request.attempt}").random() < 0.1

    async def scenario() -> None:
        engine = FakeEngine(latency=Latency(prefill=1), fails=fails)
        options = Options(rows=rng.choice((None, 3, 8)), lookahead=rng.choice((0, 3)), backoff_s=0.0)
        runner = Runner(engine, extract=extract, options=options, max_questions=10, ledger=ledger)
        kinds = [(name, scorer) for name in sorted(PLAYED) for scorer in (WatchedScorer(), PassScorer())]

        async def one(problem: Problem) -> None:
            name, scorer = rng.choice(kinds)
            limit = rng.choice((None, None, 0.005))
            with suppress(EngineError):
                await runner.run(PLAYED[name], problem, scorer=scorer, time_limit_s=limit)

        tasks = []
        for problem in MANY:
            tasks.append(asyncio.create_task(one(problem)))
            await turns(rng.randrange(6))
            if rng.random() < 0.5:
                rng.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns(3)
        assert (runner.active, runner.waiting, runner.draws_waiting) == (0, 0, 0)
        total = sum(booked_by.values(), Usage())
        assert total == runner.spent and booked(total) == counted(engine)

    calmly(scenario())


def test_a_cancelled_question_leaves_the_others_as_they_are() -> None:
    async def scenario(cancelled: bool) -> list[Any]:
        runner = Runner(FakeEngine(), extract=extract, options=Options(rows=4))
        tasks = [asyncio.create_task(runner.run(Vote("sc", 4), problem)) for problem in MANY[:8]]
        await turns(20)
        if cancelled:
            for task in tasks[::2]:
                task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return [[s.text for s in r.decision.samples] for r in found[1::2]]  # type: ignore[union-attr]

    assert calmly(scenario(True)) == calmly(scenario(False))


def test_a_bug_charges_what_was_drawn() -> None:
    def broken(problem: Problem, text: str) -> str | None:
        raise TypeError("the bug")

    async def scenario() -> None:
        engine = FakeEngine()
        runner = Runner(engine, extract=broken, options=Options(lookahead=2))
        with pytest.raises(TypeError, match="the bug"):
            await runner.run(replace(PLAYED["adaptive"]), MANY[0])
        await turns(2)
        assert engine.drawn and booked(runner.spent) == counted(engine)

    calmly(scenario())
