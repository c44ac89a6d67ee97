"""Continuations of Backward Confidence Integration: what they collect, cost and share."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.scorers.integration.cases import ONE, SEGMENT, Table, TreeEngine, begun, judged
from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import WATCHED, FakeEngine, extract
from tts.engines.streams import collected
from tts.errors import EngineError
from tts.requirements import Requirements
from tts.runtime.driver import Options, run_all
from tts.scorers.controls import RolloutOracle
from tts.scorers.integration import Integrated
from tts.scorers.metered import ROLLOUTS, MeteredEngine, rollout
from tts.scorers.watched import WatchedScorer
from tts.strategy import Steps
from tts.types import (
    END,
    STEP,
    TOKENS,
    Decision,
    Draw,
    End,
    Problem,
    Sample,
    Signals,
    Trace,
    Usage,
    total_usage,
)


def test_what_one_collects_is_a_sample_of_the_whole_text() -> None:
    table, prefix = Table(), begun("abc", 4)
    judged(Integrated(table, width=1, depth=2, alpha=0.5), [prefix], TreeEngine())
    [[first], [second]] = table.calls[1:]
    assert (first.text, second.text) == ("abc0", "abc00")
    assert (first.end, first.answer, first.usage, first.given) == (End.BOUNDARY, None, None, 3)
    assert second.token_ids == (7,) * 9 and len(second.trace.logprobs) == 9
    bare = replace(prefix, trace=Trace())  # a trace that is not known is not made up
    judged(Integrated(table := Table(), width=1, depth=1, alpha=0.5), [bare], TreeEngine())
    assert len(table.calls[1][0].trace.logprobs) == SEGMENT


def test_the_engine_is_asked_for_what_the_scorer_needs() -> None:
    engine = TreeEngine()
    judged(Integrated(Table(), width=2, depth=2, alpha=0.5, until=TOKENS(9)), [begun("a")], engine)
    assert all((r.signals, r.until) == (Table.needs, TOKENS(9)) for r in engine.requests)


@pytest.mark.parametrize("how", ["breaks", "mute", "cancelled"])
def test_where_one_fails_none_is_left_running_and_all_are_charged(how: str) -> None:
    engine = TreeEngine(**{"breaks": "a1" if how == "breaks" else "none", "mute": "a1"})
    if how == "mute":
        engine.breaks = ""
    metered = MeteredEngine(engine)
    scorer = Integrated(Table(), width=3, depth=1, alpha=0.5)

    async def broken() -> None:
        task = asyncio.create_task(scorer.score(ONE, [begun("a"), begun("b", 1)], metered))
        for _ in range(10):
            await asyncio.sleep(0)
        if how == "cancelled":
            task.cancel()
        wanted, said = {
            "breaks": (EngineError, "the engine broke"),
            "mute": (EngineError, "TreeEngine ended a stream without a reason"),
            "cancelled": (asyncio.CancelledError, None),
        }[how]
        with pytest.raises(wanted, match=said):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(broken())
    assert engine.open == 0
    spent = [request.meter for request in engine.requests]
    assert metered.usage.scorer_decode == sum(meter.drawn for meter in spent) > 0
    assert metered.usage.scorer_prefill == sum(meter.prompt + meter.prompt_cached for meter in spent)


@dataclass(frozen=True)
class Beams:
    """Three beams, each going on by itself from step to step."""

    name: str = "beams"
    budget: int = 3
    requires = Requirements(confidence=True, prefix_confidence=True, branching=True)

    def run(self, problem: Problem) -> Steps:
        beams = everything = list((yield Draw(3, until=STEP)))
        while beams := [beam for beam in beams if beam.end is End.BOUNDARY]:
            following: list[Sample] = []
            for beam in beams:
                following += yield Draw(1, beam, STEP)
            everything, beams = everything + following, following
        return Decision(None, tuple(everything), "done", usage=total_usage(everything))


class Noted(FakeEngine):
    """A fake engine that keeps its requests."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[Request] = []

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        async with aclosing(super().sample(request)) as stream:  # type: ignore[type-var]
            async for chunk in stream:
                yield chunk


def test_a_rollout_never_has_the_noise_of_a_beam_nor_of_another_rollout() -> None:
    engine = Noted(skill=0.5)
    problems = engine.problems(4)
    scorer = Integrated(WatchedScorer(), width=2, depth=2, alpha=0.5)
    results = asyncio.run(run_all(Beams(), problems, engine, extract=extract, scorer=scorer, options=Options()))
    for problem in problems:
        requests = [request for request in engine.requests if request.problem == problem]
        keys = [(r.index, r.attempt, len(r.prefix.token_ids) if r.prefix else 0) for r in requests]
        assert len(set(keys)) == len(keys)
        rolled = [key for key in keys if key[0] >= ROLLOUTS]
        assert 0 < len(rolled) < len(keys)
    usage = sum((r.decision.usage or Usage() for r in results), Usage())
    assert usage.delivered + usage.scorer_decode == engine.drawn
    assert usage.prompt + usage.prompt_cached + usage.scorer_prefill == engine.prompt + engine.prompt_cached
    samples = [s for r in results for s in r.decision.samples]
    assert all(s.confidence is not None and len(s.trace.watched[WATCHED]) == len(s.token_ids) for s in samples)


def test_a_rollout_is_no_look_into_the_future_of_the_beam() -> None:
    engine = FakeEngine(skill=0.5, seed=3)
    [problem] = engine.problems(1)

    async def futures() -> list[tuple[str, str, str]]:
        found = []
        for index in range(60):
            first = await collected(engine, Request(problem, index, until=STEP))
            beam = await collected(engine, Request(problem, 100 + index, first, STEP))
            same = await collected(engine, Request(problem, 100 + index, first, STEP))
            [rolled] = await MeteredEngine(engine).draw(
                problem, Draw(1, first, STEP), signals=Signals(), first=rollout(replace(first, index=index), 0, 1)
            )
            found.append((beam.text, same.text, rolled.text))
        return found

    found = asyncio.run(futures())
    assert all(beam == same for beam, same, _ in found)  # what a shared number would do
    assert 0 < sum(beam == rolled for beam, _, rolled in found) < 40  # by chance: few words follow a step


def test_the_rollout_oracle_may_be_integrated_and_grades_what_has_ended() -> None:
    engine = FakeEngine(skill=0.8, seed=1)
    [problem] = engine.problems(1)
    begin = asyncio.run(collected(engine, Request(problem, until=STEP)))
    scorer = Integrated(RolloutOracle(5, extract=extract), width=300, depth=1, alpha=0.0, until=END)
    [value], _ = judged(scorer, [begin], engine, problem)
    truth = engine.truth(problem, begin.text)
    assert abs(value - truth) <= 4 * math.sqrt(truth * (1 - truth) / 300)  # once in 16,000 seeds
    assert scorer.key["rollouts"] == 5
