"""Orders and scores by question: the same as those of all questions made at once, whatever is asked for together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.replay import orders as orders_module
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.scores import CalibratedScores, GradeScores, RandomScores
from evals.replay.synthetic import synthetic_pool
from tests.evals.cases import pool_of
from tts.errors import InputError
from tts.scorers.calibration.maps import fit_map


def all_at_once(sizes: Any, *, count: int, draws: int, seed: int) -> Any:
    """One call of numpy for all questions of a size."""
    rng, out = np.random.default_rng(seed), np.empty((len(sizes), count, draws), dtype=int)
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        out[rows] = rng.permuted(np.broadcast_to(np.arange(size), (len(rows), count, size)), axis=2)[:, :, :draws]
    return out


@given(
    st.lists(st.integers(3, 300), min_size=1, max_size=12),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 99),
    st.sampled_from([0, 40, 1 << 20]),
    st.data(),
)
def test_any_questions_have_the_orders_that_they_have_among_all(sizes, count, draws, seed, kept, data):
    sizes = np.array(sizes)
    whole = all_at_once(sizes, count=count, draws=draws, seed=seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orders_module, "KEPT", kept)
        orders = Permutations(sizes, count=count, draws=draws, seed=seed)
    assert orders.shape == whole.shape
    rows = np.array(data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=8)), dtype=int)
    assert np.array_equal(orders[rows], whole[rows])
    first = data.draw(st.integers(1, count))
    assert np.array_equal(orders[rows, :first], whole[rows, :first])


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99), st.data())
def test_any_questions_have_the_random_scores_that_they_have_among_all(questions, count, draws, seed, data):
    shape = (questions, count, draws)
    whole = np.random.default_rng([seed, 2]).random(shape, dtype=np.float32)
    rows = np.array(data.draw(st.lists(st.integers(0, questions - 1), max_size=6)), dtype=int)
    first = data.draw(st.integers(1, count))
    found = RandomScores(shape, seed)[rows, :first]
    assert found.dtype == np.float32 and np.array_equal(found, whole[rows, :first])


def test_orders_are_permutations_and_depend_on_the_seed_alone():
    sizes, everything = np.array([5, 9, 5, 7]), np.arange(4)
    orders = Permutations(sizes, count=50, draws=5, seed=1)[everything]
    assert orders.shape == (4, 50, 5)
    for q, size in enumerate(sizes):
        assert (np.sort(orders[q], axis=1)[:, 1:] != np.sort(orders[q], axis=1)[:, :-1]).all()
        assert set(orders[q].ravel()) == set(range(size)), "every sample takes its turn"
    assert (orders == Permutations(sizes, count=50, draws=5, seed=1)[everything]).all()
    assert (orders != Permutations(sizes, count=50, draws=5, seed=2)[everything]).any()


def test_a_budget_above_the_pool_is_refused_with_both_numbers():
    with pytest.raises(InputError, match="budget 6 is above the 5 samples"):
        Permutations(np.array([5, 9]), count=2, draws=6, seed=0)
    with pytest.raises(InputError, match="permutations must be at least 1, got 0"):
        Permutations(np.array([5, 9]), count=0, draws=5, seed=0)


@pytest.mark.parametrize("kind", ["platt", "isotonic", "beta", "temperature"])
def test_calibrated_scores_are_those_of_all_samples_mapped_at_once(kind):
    arrays = PoolArrays.of(synthetic_pool(questions=30, samples=7, seed=2))
    parsed = arrays.labels >= 0
    calibration = fit_map(kind, arrays.confidence[parsed], arrays.sample_correct[parsed])
    whole = np.full(arrays.labels.shape, np.nan)
    whole[parsed] = calibration(arrays.confidence[parsed])
    scores = CalibratedScores(arrays, calibration)
    for rows in (np.arange(30), np.array([3]), np.array([29, 0, 7])):
        assert np.array_equal(scores[rows], whole[rows], equal_nan=True)


def test_grades_are_scores_of_one_and_zero():
    arrays = PoolArrays.of(pool_of(["1", "2", None], [None, "3", "1"]))
    scores = GradeScores(replace(arrays, confidence=None))
    assert scores[np.array([1, 0])].tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
