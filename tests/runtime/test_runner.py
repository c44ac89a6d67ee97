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

from strategies.vote import Vote
from tests.engines.cases import PLAYED, PassScorer, calmly, turns
from tests.runtime.ledgers import booked, counted
from tts.answers.meaning.equality import Pairwise
from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import FakeEngine, Latency, extract
from tts.engines.sampling import SamplingChange
from tts.errors import BusyError, EngineError, InputError, UnsupportedError
from tts.runtime import Runner
from tts.runtime.options import Options
from tts.scorers.watched import WatchedScorer
from tts.types import End, Problem, Usage

MANY = FakeEngine.problems(40)
SLOW = Latency(prefill=1, tick_s=0.001)


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
        with pytest.raises(BusyError, match=r"2 questions are in progress and 1 wait, .* ask again later"):
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


def test_questions_in_progress_together_keep_their_own_sampling_parameters() -> None:
    async def scenario() -> None:
        runner = Runner(FakeEngine(seed=1), extract=extract)
        changes = [SamplingChange(max_tokens=5), None, SamplingChange(seed=2), SamplingChange(seed=1)]
        results = await asyncio.gather(
            *(runner.run(Vote("sc", 2), MANY[0], sampling=change, scorer=WatchedScorer()) for change in changes)
        )
        short, own, other, same = ([(s.text, s.end) for s in r.decision.samples] for r in results)
        assert own == same != other and {end for _, end in short} == {End.LENGTH}
        with pytest.raises(UnsupportedError, match="leave cache or sampling out"):
            await runner.run(Vote("sc", 2), MANY[0], sampling=SamplingChange(seed=2), cache=object())  # type: ignore[arg-type]

    calmly(scenario())


def test_answers_that_are_known_before_the_first_draw_name_the_equal_ones() -> None:
    async def scenario() -> None:
        runner = Runner(FakeEngine(skill=0.99), extract=extract)
        gold = str(MANY[0].gold)
        equality = Pairwise("text", lambda a, b: a.lstrip("+") == b.lstrip("+"))
        result = await runner.run(Vote("sc", 4), MANY[0], equality=equality, known_answers=(f"+{gold}",))
        assert result.decision.answer == f"+{gold}" and gold in result.spellings

    calmly(scenario())
