"""Time limits: a question whose time is up decides on the samples that are ready, or fails visibly."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from strategies.catalog import CATALOG, method
from strategies.vote import Vote
from tests.engines.cases import calmly, turns
from tests.runtime.ledgers import booked, counted
from tts.engines.fake.engine import FakeEngine, Latency, extract
from tts.errors import InputError, UnsupportedError
from tts.runtime import Runner
from tts.runtime.options import Options
from tts.strategy import BaseStrategy, Steps, TimeUp
from tts.types import Decision, Draw, Problem, Usage

MANY = FakeEngine.problems(40)
SLOW = Latency(prefill=1, tick_s=0.001)


def test_a_question_out_of_time_decides_on_the_samples_that_are_ready() -> None:
    async def scenario() -> None:
        engine = FakeEngine(latency=SLOW)
        runner = Runner(engine, extract=extract, options=Options(rows=4))
        result = await runner.run(Vote("sc", 2000), MANY[0], time_limit_s=1.0)
        assert result.decision.reason == "time_limit"
        assert 0 < len(result.decision.samples) < 2000 and result.decision.answer is not None
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
