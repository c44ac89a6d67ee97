"""Fitting: parameters come from the fitting half alone, the cautious setting wins a tie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evals.comparison.fit import cheapest, choose, most_accurate, scores_for
from evals.metrics.folds import halves
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.synthetic import synthetic_pool
from tests.evals.cases import REPLAYED
from tests.support.examples import slowly


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=60, samples=10, seed=3))


@pytest.mark.parametrize("calibrate", ["platt", *slowly(None, "isotonic", "beta", "temperature")])
def test_what_is_fitted_never_sees_the_questions_that_are_scored(arrays, calibrate):
    """Poison the scored half (grades turned over, confidences shuffled): every fitted parameter stays the same."""
    orders = Permutations(arrays.sizes, count=10, draws=8, seed=0)
    rng = np.random.default_rng(0)
    for fold in halves(arrays.questions, seed=0):
        assert not set(fold.fit) & set(fold.scored)
        assert len(fold.fit) + len(fold.scored) == arrays.questions
        poisoned_right, poisoned_confidence = arrays.class_correct.copy(), arrays.confidence.copy()
        poisoned_right[fold.scored] = ~poisoned_right[fold.scored]
        poisoned_confidence[fold.scored] = rng.permuted(poisoned_confidence[fold.scored], axis=1)
        poisoned = replace(arrays, class_correct=poisoned_right, confidence=poisoned_confidence)
        chosen = []
        for one in (arrays, poisoned):
            scores = scores_for(one, fold, orders, calibrate=calibrate, seed=0)
            chosen.append(choose(one, REPLAYED, orders, scores, fold, budget=8, margin=0.005))
        assert chosen[0] == chosen[1]


def test_fitting_does_use_the_fitting_half(arrays):
    orders = Permutations(arrays.sizes, count=10, draws=8, seed=0)
    fold = halves(arrays.questions, seed=0)[0]
    poisoned = replace(arrays, confidence=1.0 - arrays.confidence)
    chosen = [
        choose(a, REPLAYED, orders, scores_for(a, fold, orders, calibrate=None, seed=0), fold, budget=8, margin=0.005)
        for a in (arrays, poisoned)
    ]
    assert chosen[0] != chosen[1]


def test_the_cheapest_setting_is_chosen_among_those_that_are_accurate_enough():
    accuracy, samples = np.array([0.90, 0.895, 0.88, 0.90]), np.array([10.0, 5.0, 2.0, 5.0])
    assert cheapest(accuracy, samples, floor=0.89) == 1
    assert cheapest(accuracy, samples, floor=0.95) == 0, "none qualifies: the most accurate, the most cautious of ties"


def test_the_most_accurate_setting_must_lead_by_more_than_its_standard_error():
    rng = np.random.default_rng(0)
    base = rng.random((100, 1)) < 0.7
    lucky = base.copy()
    lucky[np.flatnonzero(~base)[0]] = True
    assert most_accurate(np.hstack([base, lucky]).astype(float)) == 0
    clear = base | (rng.random((100, 1)) < 0.5)
    assert most_accurate(np.hstack([base, clear]).astype(float)) == 1
