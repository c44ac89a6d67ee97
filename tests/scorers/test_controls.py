"""Controls: no information, none at random, the grade, and the true P(correct) of a prefix by rollouts."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.answers import Grader
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine, extract
from tts.engines.streams import collected
from tts.errors import InputError, UnsupportedError
from tts.scorers.base import Scorer
from tts.scorers.controls import ConstantScorer, OracleScorer, RandomScorer, RolloutOracle
from tts.scorers.metered import MeteredEngine
from tts.types import END, STEP, TOKENS, End, Problem, Sample, Usage

ONE = Problem("q", "what is it ?", "7")
SAMPLES = [Sample("a b", "7"), Sample("c", "8"), Sample("d", None), Sample("e", None, end=End.BOUNDARY)]


def judged(
    scorer: Scorer, samples: list[Sample] = SAMPLES, engine: FakeEngine | None = None, problem: Problem = ONE
) -> tuple[list[float], Usage]:
    metered = MeteredEngine(engine or FakeEngine())
    return asyncio.run(scorer.score(problem, samples, metered)).tolist(), metered.usage


@given(value=st.floats(0, 1), count=st.integers(0, 5))
def test_the_constant_knows_nothing(value: float, count: int) -> None:
    assert judged(ConstantScorer(value), SAMPLES[:1] * count)[0] == [value] * count


def test_the_random_control_is_decided_by_its_seed_and_spread_over_the_unit_interval() -> None:
    samples = [Sample(f"text {k}", index=k % 7) for k in range(2000)]

    def scores(scorer: Any) -> Any:
        return asyncio.run(scorer.score(ONE, samples, None))

    found = scores(RandomScorer())
    assert np.array_equal(found, scores(RandomScorer(seed=0)))
    assert not np.array_equal(found, scores(RandomScorer(seed=1)))
    assert 0.0 <= found.min() < found.max() < 1.0
    # Kolmogorov-Smirnov, false alarm below 1e-6 at 2.7 / sqrt(n)
    assert np.abs(np.sort(found) - np.arange(2000) / 2000).max() < 2.7 / 2000**0.5


def test_the_oracle_gives_grades() -> None:
    assert judged(OracleScorer())[0] == [1.0, 0.0, 0.0, 0.0]


def test_the_oracle_grades_as_votes_are_merged() -> None:
    samples = [Sample("a", "7.0"), Sample("b", " 7"), Sample("c", "seven")]
    assert judged(OracleScorer(), samples)[0] == [1.0, 1.0, 0.0]
    assert judged(OracleScorer(grader=Grader("text")), samples)[0] == [0.0, 1.0, 0.0]


def test_the_oracle_needs_a_gold_answer() -> None:
    with pytest.raises(UnsupportedError, match="needs a gold answer and problem 'x' has none"):
        judged(OracleScorer(), problem=Problem("x", "?"))


@pytest.mark.slow
def test_the_rollout_oracle_knows_how_often_a_beginning_ends_well() -> None:
    engine = FakeEngine(skill=0.8, seed=1)
    [problem] = engine.problems(1)
    samples = [
        asyncio.run(collected(engine, Request(problem, index, until=until)))
        for index, until in enumerate([STEP, TOKENS(2), END, STEP])
    ]
    samples[2] = replace(samples[2], answer=extract(problem, samples[2].text))
    values, usage = judged(RolloutOracle(400, extract=extract), samples, engine, problem)
    for sample, value in zip(samples, values, strict=True):
        truth = engine.truth(problem, sample.text)
        assert abs(value - truth) <= 4 * math.sqrt(truth * (1 - truth) / 400)  # once in 16,000 seeds
    assert values[2] == float(samples[2].answer == problem.gold)
    assert usage.scorer_decode == engine.drawn - sum(len(s.token_ids) for s in samples)
    assert usage.scorer_prefill > 3 * 400 * len(problem.question.split())


def test_the_rollout_oracle_needs_rollouts_and_a_gold_answer() -> None:
    with pytest.raises(InputError, match="scorer rollout_oracle needs rollouts >= 1, got 0"):
        RolloutOracle(0, extract=extract)
    with pytest.raises(UnsupportedError, match="needs a gold answer and problem 'x' has none"):
        judged(RolloutOracle(1, extract=extract), [], FakeEngine(), Problem("x", "?"))
    assert judged(RolloutOracle(1, extract=extract), [], FakeEngine())[0] == []
