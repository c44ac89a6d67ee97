"""Synthetic pools: repeatable, graded, informative confidences, traces that end at the confidence."""

from __future__ import annotations

import numpy as np
import pytest

from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import STEP, WATCHED, synthetic_pool
from tts.errors import InputError

POOL = synthetic_pool(questions=40, samples=8, seed=1)
SAMPLES = [(sample, right) for e in POOL.entries for sample, right in zip(e.samples, e.correct, strict=True)]


def test_the_seed_decides_the_pool() -> None:
    assert synthetic_pool(questions=3, samples=2, seed=4) == synthetic_pool(questions=3, samples=2, seed=4)
    assert synthetic_pool(questions=3, samples=2, seed=4) != synthetic_pool(questions=3, samples=2, seed=5)


def test_confidences_are_informative_and_grades_follow_the_gold_answer() -> None:
    for entry in POOL.entries:
        assert [s.answer == entry.problem.gold for s in entry.samples] == list(entry.correct)
    right, wrong = ([s.confidence for s, y in SAMPLES if y == kind] for kind in (True, False))
    assert np.mean(right) > np.mean(wrong) + 0.1
    assert PoolArrays.of(POOL).conflicts == 0


def test_the_watched_probability_is_constant_within_a_step_and_ends_at_the_confidence() -> None:
    for sample, _ in SAMPLES[:50]:
        watched, steps = sample.trace.watched[WATCHED], sample.trace.steps
        assert len(watched) == len(steps) == len(sample.trace.top) == sample.usage.generated
        assert len(set(watched[:STEP])) == 1 and steps[-1]
        assert watched[-1] == pytest.approx(sample.confidence, abs=1e-4)


def test_counts_below_one_and_negative_seeds_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 question and 1 sample, got 0 and 5"):
        synthetic_pool(questions=0, samples=5)
    with pytest.raises(InputError, match="seed must be at least 0"):
        synthetic_pool(seed=-1)
