"""Live runs: collecting samples decides nothing, results come in the problems' order, the listener receives each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from evals.config import RunConfig, SampleConfig
from evals.live.hooks import QuestionCost
from evals.live.plan import plan
from evals.live.runner import CollectSamples, Played, draw_samples, play
from evals.tasks import load_task
from tests.cli.cases import FAKE
from tts.config import load_config
from tts.engines.fake.engine import FakeEngine
from tts.types import END, Boundary, Problem, Sample, Signals


class DictCache:
    """A cache in memory."""

    forks = False

    def __init__(self) -> None:
        self.samples: dict[tuple[str, int], Sample] = {}

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        return self.samples.get((problem.id, index))

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        self.samples[problem.id, sample.index] = sample

    def decided(self, problem: Problem) -> None:
        del problem


class Log:
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        self.calls.append((label, questions))

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        self.calls.append(right)

    def refresh(self) -> None:
        pass

    def finish(self) -> None:
        self.calls.append("end")


def test_collecting_samples_draws_and_decides_nothing() -> None:
    steps = CollectSamples(2).run(Problem("q", "?"))
    next(steps)
    steps.send([Sample("a")])
    with pytest.raises(StopIteration) as done:
        steps.send([Sample("b")])
    assert done.value.value.answer is None
    assert len(done.value.value.samples) == 2


def test_samples_of_every_problem_are_drawn_into_the_cache() -> None:
    config = load_config(SampleConfig, [], [*FAKE, "task.questions=3", "samples=2"])
    task, cache, log = load_task(config.task), DictCache(), Log()
    results = asyncio.run(draw_samples(config, task, FakeEngine(), cache, signals=Signals(), watch=log))
    assert [result.problem.id for result in results] == [problem.id for problem in task.problems]
    assert set(cache.samples) == {(problem.id, i) for problem in task.problems for i in range(2)}
    assert (log.calls[0], log.calls[-1]) == (("samples", 3), "end")
    assert all(0.0 <= share <= 1.0 for share in log.calls[1:-1]) and len(log.calls) == 5
    assert all(s.text == "" and s.token_ids == () for result in results for s in result.decision.samples)
    assert all(sample.text for sample in cache.samples.values())  # only the results drop their texts


def test_strategies_are_played_in_order_on_the_same_samples() -> None:
    config = load_config(
        RunConfig, [], [*FAKE, "task.questions=4", "budget=3", "strategies=[self_consistency,first_sample]"]
    )
    task, cache, log, engine = load_task(config.task), DictCache(), Log(), FakeEngine()
    chosen = plan(config, task, model="fake", revision="")
    played: list[Played] = asyncio.run(play(config, chosen, task, engine, cache, watch=log))
    assert [one.planned.method.name for one in played] == ["self_consistency", "first_sample"]
    assert [call for call in log.calls if isinstance(call, tuple)] == [("self_consistency", 4), ("first_sample", 4)]
    assert len(cache.samples) == 12
    assert [result.cached for result in played[1].results] == [1] * 4
    for one in played:
        assert list(one.right) == [task.grade(r.problem, Sample(answer=r.decision.answer)) for r in one.results]
