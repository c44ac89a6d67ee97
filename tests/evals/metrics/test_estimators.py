"""Every estimator equals the mean over all subsets of the pool, with ties enumerated in exact fractions."""

from __future__ import annotations

import doctest
import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evals.metrics
from evals.metrics.estimators import best_of_curve, best_of_k, maj_at_k, maj_curve, pass_at_k, pass_hat_k
from tests.support.examples import examples
from tts.errors import InputError

EXACT = 1e-12


def mean_over_subsets(n: int, k: int, outcome: Callable[[tuple[int, ...]], Fraction]) -> float:
    subsets = list(combinations(range(n), k))
    return float(sum((outcome(s) for s in subsets), Fraction(0)) / len(subsets))


def vote(labels: list[int], correct: list[bool], drawn: tuple[int, ...]) -> Fraction:
    """The share of correct classes among the classes with the most votes; label -1 is unparsed."""
    votes = Counter(labels[i] for i in drawn if labels[i] >= 0)
    if not votes:
        return Fraction(0)
    winners = [c for c, v in votes.items() if v == max(votes.values())]
    return Fraction(sum(correct[c] for c in winners), len(winners))


def best(scores: list[float], correct: list[bool], drawn: tuple[int, ...]) -> Fraction:
    top = max(scores[i] for i in drawn)
    winners = [i for i in drawn if scores[i] == top]
    return Fraction(sum(correct[i] and scores[i] > -math.inf for i in winners), len(winners))


classes = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=6).filter(
    lambda cs: sum(c for c, _ in cs) <= 8
)
scored = st.lists(st.tuples(st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 2.0, math.inf]), st.booleans()), max_size=8)


@settings(deadline=None)
@given(st.integers(1, 10), st.data())
def test_pass_at_k_and_pass_hat_k_equal_enumeration(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    some = mean_over_subsets(n, k, lambda s: Fraction(any(i < c for i in s)))
    every = mean_over_subsets(n, k, lambda s: Fraction(all(i < c for i in s)))
    assert float(pass_at_k(n, c, k)) == pytest.approx(some, abs=EXACT)
    assert float(pass_hat_k(n, c, k)) == pytest.approx(every, abs=EXACT)


def test_pass_at_k_is_vectorised_and_exact_for_a_thousand_samples() -> None:
    c = np.arange(1001)
    for k in (1, 7, 100, 500, 999, 1000):
        exact = [float(1 - Fraction(math.comb(1000 - int(v), k), math.comb(1000, k))) for v in c]
        assert np.allclose(pass_at_k(1000, c, k), exact, rtol=0, atol=EXACT)
        exact = [float(Fraction(math.comb(int(v), k), math.comb(1000, k))) for v in c]
        assert np.allclose(pass_hat_k(1000, c, k), exact, rtol=1e-10, atol=0)
    assert pass_at_k([[4], [6]], [0, 1, 2], 2).shape == (2, 3)


@settings(max_examples=examples(150), deadline=None)
@given(classes, st.integers(0, 3))
def test_maj_curve_equals_enumeration(pool: list[tuple[int, bool]], unparsed: int) -> None:
    counts, correct = [c for c, _ in pool], [ok for _, ok in pool]
    labels = [j for j, c in enumerate(counts) for _ in range(c)] + [-1] * unparsed
    n = len(labels)
    curve = maj_curve(counts, correct, unparsed, range(1, n + 1))
    for k in range(1, n + 1):
        exact = mean_over_subsets(n, k, lambda s: vote(labels, correct, s))
        assert curve[k - 1] == pytest.approx(exact, abs=EXACT)
        assert maj_at_k(counts, correct, k, unparsed=unparsed) == pytest.approx(exact, abs=EXACT)


def test_maj_at_one_is_the_accuracy_and_maj_at_n_is_the_vote_of_the_pool() -> None:
    curve = maj_curve([12, 9, 5], [False, True, True], 4, [1, 30])
    assert curve == pytest.approx([14 / 30, 0.0], abs=EXACT)
    assert maj_at_k([10, 10, 10], [True, False, False], 30) == pytest.approx(1 / 3, abs=EXACT)


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=8), st.integers(0, 5))
def test_the_chances_of_all_answers_to_win_sum_to_one_unless_nothing_parses(counts: list[int], unparsed: int) -> None:
    n = sum(counts) + unparsed
    for k in range(1, n + 1):
        each = [maj_at_k(counts, np.arange(len(counts)) == j, k, unparsed=unparsed) for j in range(len(counts))]
        together = maj_at_k(counts, [True] * len(counts), k, unparsed=unparsed)
        nothing = math.comb(unparsed, k) / math.comb(n, k)
        assert sum(each) == pytest.approx(1 - nothing, abs=EXACT)
        assert together == pytest.approx(1 - nothing, abs=EXACT)


def test_maj_curve_does_not_depend_on_the_order_of_classes_or_of_ks() -> None:
    one = maj_curve([5, 0, 3, 3], [True, True, False, False], 2, [1, 4, 9])
    other = maj_curve([3, 5, 3], [False, True, False], 2, np.array([9, 1, 4]))
    assert np.array_equal(one, other[[1, 2, 0]])


def test_maj_curve_agrees_with_simulation_at_thirty_samples() -> None:
    counts, unparsed, draws = [11, 10, 4, 2, 1], 2, 20_000
    pool = np.repeat([*range(5), -1], [*counts, unparsed])
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(pool, (draws, 1)), axis=1)
    for k in (3, 8, 20):
        votes = (shuffled[:, :k, None] == np.arange(5)).sum(axis=1)
        winners = votes == votes.max(axis=1, keepdims=True)
        won = np.where(votes.max(axis=1) > 0, winners[:, 1] / winners.sum(axis=1), 0.0)
        error = won.std() / math.sqrt(draws)
        assert abs(maj_at_k(counts, np.arange(5) == 1, k, unparsed=unparsed) - won.mean()) < 4 * error


@pytest.mark.slow
def test_an_exact_vote_stays_sane_for_large_pools() -> None:
    assert maj_curve([600, 390], [True, False], 10, [1, 1000]) == pytest.approx([0.6, 1.0], abs=EXACT)
    many = maj_curve([1] * 60, [True] + [False] * 59, 0, range(1, 61))
    assert many == pytest.approx(np.full(60, 1 / 60), abs=EXACT)


@settings(max_examples=examples(150), deadline=None)
@given(scored)
def test_best_of_curve_equals_enumeration(pool: list[tuple[float, bool]]) -> None:
    scores, correct = [s for s, _ in pool], [ok for _, ok in pool]
    n = len(pool)
    curve = best_of_curve(scores, correct, range(1, n + 1))
    for k in range(1, n + 1):
        exact = mean_over_subsets(n, k, lambda s: best(scores, correct, s))
        assert curve[k - 1] == pytest.approx(exact, abs=EXACT)
        assert best_of_k(scores, correct, k) == pytest.approx(exact, abs=EXACT)


def test_best_of_k_has_its_landmarks() -> None:
    rng = np.random.default_rng(1)
    correct = rng.random(1000) < 0.3
    ks = [1, 10, 400, 1000]
    perfect = [float(pass_at_k(1000, int(correct.sum()), k)) for k in ks]
    assert best_of_curve(correct.astype(float), correct, ks) == pytest.approx(perfect, abs=EXACT)
    assert best_of_curve(np.zeros(1000), correct, ks) == pytest.approx([correct.mean()] * 4, abs=EXACT)
    assert best_of_k([-math.inf, 1.0], [True, False], 1) == 0.0
    assert best_of_k([0.0, 1.0, 2.0], [3.0, 5.0, 10.0], 2) == pytest.approx((5 + 10 + 10) / 3, abs=EXACT)


def test_best_of_k_agrees_with_simulation_at_thirty_samples() -> None:
    rng = np.random.default_rng(2)
    correct = rng.random(30) < 0.5
    scores = np.round(correct + rng.normal(size=30), 1)
    order = rng.permuted(np.tile(np.arange(30), (20_000, 1)), axis=1)
    for k in (2, 8, 20):
        won = correct[np.take_along_axis(order, scores[order[:, :k]].argmax(axis=1)[:, None], axis=1)[:, 0]]
        assert abs(best_of_k(scores, correct, k) - won.mean()) < 4 * 0.5 / math.sqrt(20_000)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: pass_at_k(3, 1, 5), "k must be between 1 and the pool's 3 samples, got 5"),
        (lambda: pass_at_k([5, 3], [1, 1], 4), "got 4"),
        (lambda: pass_at_k(3, 1, 0), "got 0"),
        (lambda: pass_at_k(3, 4, 1), "order of n and c"),
        (lambda: pass_hat_k(3, 0.5, 1), "whole numbers"),
        (lambda: pass_hat_k([1, 2, 3], [1, 1], 1), "pair"),
        (lambda: maj_at_k([2, 1], [True, False], 4), "between 1 and the pool's 3 samples, got 4"),
        (lambda: maj_at_k([2, 1], [True], 1), "one mark per answer class"),
        (lambda: maj_at_k([2, 1], [0, 1], 1), "True or False"),
        (lambda: maj_at_k([2, -1], [True, False], 1), "at least 0"),
        (lambda: maj_at_k([2.5, 1.0], [True, False], 1), "whole numbers"),
        (lambda: maj_at_k([2, 1], [True, False], 1, unparsed=-1), "at least 0"),
        (lambda: maj_at_k([], [], 1), "pool's 0 samples"),
        (lambda: maj_at_k([1001], [True], 1), "at most 1000"),
        (lambda: maj_curve([2, 1], [True, False], 0, [1.5]), "whole numbers"),  # type: ignore[list-item]
        (lambda: best_of_k([1.0, 2.0], [True, False], 3), "got 3"),
        (lambda: best_of_k([1.0, 2.0], [True], 1), "same length"),
        (lambda: best_of_k([1.0, math.nan], [True, False], 1), "NaN"),
    ],
)
def test_bad_arguments_are_one_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_result_can_be_changed_without_changing_the_next() -> None:
    first = maj_curve([3, 2], [True, False], 0, [1, 5])
    first[:] = -1.0
    assert maj_curve([3, 2], [True, False], 0, [1, 5]) == pytest.approx([0.6, 1.0], abs=EXACT)


def test_the_examples_of_the_package_run() -> None:
    assert doctest.testmod(evals.metrics) == doctest.TestResults(failed=0, attempted=8)
