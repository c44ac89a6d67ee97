"""The statistics keep their promised error rates, by simulation, and agree with published or independent values."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metrics.stats import (
    accuracy_interval,
    bootstrap_interval,
    bootstrap_ratio_interval,
    bootstrap_test,
    bootstrap_weights,
    clustered_standard_error,
    holm,
    non_inferior,
    wilson_interval,
)
from tts.errors import InputError


def test_bootstrap_weights_are_multinomial_counts_over_questions() -> None:
    weights = bootstrap_weights(40, 30_000, seed=0)
    counts = weights * 40
    assert weights.shape == (30_000, 40)
    assert weights.dtype == np.float64
    assert np.allclose(weights.sum(axis=1), 1.0)
    assert np.allclose(counts, np.round(counts))
    assert abs(counts.mean(axis=0) - 1).max() < 5 / math.sqrt(30_000)
    assert abs(counts.var(axis=0) - (1 - 1 / 40)).max() < 0.05
    covariance = np.cov(counts[:, :2].T)[0, 1]
    assert abs(covariance + 1 / 40) < 5 / math.sqrt(30_000)


def test_bootstrap_weights_repeat_by_seed_also_over_several_chunks() -> None:
    one = bootstrap_weights(1000, 2500, seed=7)
    assert np.array_equal(one, bootstrap_weights(1000, 2500, seed=7))
    assert not np.array_equal(one, bootstrap_weights(1000, 2500, seed=8))
    assert len(np.unique(one[:, 0])) > 3
    assert bootstrap_weights(1, 3, seed=0).tolist() == [[1.0]] * 3


def test_bootstrap_interval_covers_the_mean_as_often_as_it_says() -> None:
    # 2,000 simulated data sets of 200 questions; one standard error of the coverage is 0.5 points, the percentile
    # interval is known to fall short by about 0.5 points at this size, so 93 % to 96.5 % is 3 errors either side.
    rng = np.random.default_rng(0)
    data = (rng.random((200, 2000)) < 0.7).astype(float)
    low, high = bootstrap_interval(data, bootstrap_weights(200, 2000, seed=1))
    assert low.shape == (2000,)
    assert 0.93 <= np.mean((low <= 0.7) & (high >= 0.7)) <= 0.965


def test_bootstrap_ratio_interval_covers_the_ratio_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    base = rng.gamma(4.0, 1.0, (200, 2000))
    cheap = 0.4 * base + rng.gamma(2.0, 0.5, (200, 2000))  # ratio of the means (1.6 + 1) / 4
    low, high = bootstrap_ratio_interval(cheap, base, bootstrap_weights(200, 2000, seed=3))
    assert 0.93 <= np.mean((low <= 0.65) & (high >= 0.65)) <= 0.965


def test_intervals_keep_the_trailing_shape_and_the_level() -> None:
    values = np.random.default_rng(4).random((50, 3, 2))
    weights = bootstrap_weights(50, 4000, seed=5)
    low, high = bootstrap_interval(values, weights, level=0.8)
    assert low.shape == high.shape == (3, 2)
    wide_low, wide_high = bootstrap_interval(values, weights, level=0.99)
    assert np.all(wide_low < low)
    assert np.all(high < wide_high)
    replicates = weights @ values[:, 1, 0]
    assert np.mean((replicates >= low[1, 0]) & (replicates <= high[1, 0])) == pytest.approx(0.8, abs=0.001)
    assert float(bootstrap_interval(values[:, 0, 0], weights)[0]) == pytest.approx(
        float(bootstrap_interval(values, weights)[0][0, 0])
    )
    constant, _ = bootstrap_ratio_interval(3 * values, values, weights)
    assert constant == pytest.approx(np.full((3, 2), 3.0))


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.1, 1.0]), min_size=2, max_size=12), st.integers(30, 300))
def test_a_p_value_is_below_5_percent_exactly_where_the_interval_leaves_out_0(values: list[float], count: int) -> None:
    weights = bootstrap_weights(len(values), count, seed=len(values))
    low, high, p = bootstrap_test(values, weights)
    assert (float(low), float(high)) == tuple(map(float, bootstrap_interval(values, weights)))
    assert 1 / count <= p <= 1.0
    assert (p < 0.05) == (low > 0 or high < 0) or p == pytest.approx(0.05)
    assert float(bootstrap_test([-v for v in values], weights)[2]) == pytest.approx(float(p))


def test_a_p_value_holds_its_level() -> None:
    data = np.random.default_rng(6).choice([-1.0, 0.0, 1.0], size=(150, 1000), p=[0.2, 0.6, 0.2])
    p = bootstrap_test(data, bootstrap_weights(150, 1000, seed=1))[2]
    assert np.mean(p < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1000)
    assert bootstrap_test(np.zeros(4), bootstrap_weights(4, 50, seed=0))[2] == 1.0


def test_the_interval_of_an_accuracy_is_wilsons_where_all_questions_are_alike() -> None:
    values = np.stack([np.zeros(12), np.ones(12), np.arange(12) % 2], axis=1)
    weights = bootstrap_weights(12, 400, seed=0)
    low, high = accuracy_interval(values, weights)
    assert (low[0], high[0]) == pytest.approx(wilson_interval(0, 12))
    assert (low[1], high[1]) == pytest.approx(wilson_interval(12, 12))
    assert (low[2], high[2]) == pytest.approx(tuple(map(float, bootstrap_interval(values[:, 2], weights))))


def test_non_inferior_needs_the_lower_bound_above_the_margin() -> None:
    assert non_inferior(-0.004, 0.005)
    assert not non_inferior(-0.005, 0.005)
    assert not non_inferior(0.0, 0.0)
    assert non_inferior(0.001, 0.0)


def test_holm_equals_a_hand_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.5]) == pytest.approx([1.0, 1.0])
    assert holm([0.2]) == pytest.approx([0.2])
    assert holm([]).shape == (0,)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_lies_between_no_adjustment_and_bonferroni_in_the_same_order(p: list[float]) -> None:
    raw, adjusted = np.array(p), holm(p)
    assert np.all(adjusted >= raw)
    assert np.all(adjusted <= np.minimum(1.0, raw * len(p)))
    assert np.all(np.diff(adjusted[np.argsort(raw)]) >= 0)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson_gives_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "n", "level"), [(0, 7, 0.9), (3, 7, 0.5), (7, 7, 0.999), (250, 500, 0.95)])
def test_wilson_ends_are_the_shares_that_a_score_test_just_keeps(successes: int, n: int, level: float) -> None:
    z = NormalDist().inv_cdf(0.5 + level / 2)
    for end in wilson_interval(successes, n, level):
        if 0 < end < 1:
            assert abs(successes / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n))
        else:
            assert end == successes / n


def test_the_clustered_error_is_the_usual_error_for_single_rows_and_millers_formula_for_groups() -> None:
    x = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.5])
    assert clustered_standard_error(x, list("abcdef")) == pytest.approx(x.std(ddof=1) / math.sqrt(6))
    labels, n = [0, 0, 1, 1, 1, 2], 6
    centred = x - x.mean()
    cross = sum(centred[i] * centred[j] for i in range(n) for j in range(n) if i != j and labels[i] == labels[j])
    assert clustered_standard_error(x, labels) == pytest.approx(
        math.sqrt((centred @ centred) / (n * (n - 1)) + cross / n**2)
    )


def test_the_clustered_error_is_the_spread_of_the_mean_over_simulated_groups() -> None:
    # 2,000 data sets of 60 groups of 8 rows that share a group effect; the mean estimate is within 5 % of the truth.
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(2000, 60, 1)) + rng.normal(size=(2000, 60, 8))
    groups = np.repeat(np.arange(60), 8)
    estimates = [clustered_standard_error(data.ravel(), groups) for data in rows[:500]]
    assert np.mean(estimates) == pytest.approx(math.sqrt((1 + 1 / 8) / 60), rel=0.05)
    assert rows.mean(axis=(1, 2)).std() == pytest.approx(math.sqrt((1 + 1 / 8) / 60), rel=0.05)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bootstrap_weights(0, 10, 0), "got 0 and 10"),
        (lambda: bootstrap_interval([1.0, 2.0], np.ones((3, 3)) / 3), "same questions"),
        (lambda: bootstrap_interval([1.0, math.nan], np.ones((3, 2)) / 2), "NaN"),
        (lambda: bootstrap_interval([1.0, 2.0], np.ones((3, 2)) / 2, level=95), "got 95"),
        (lambda: bootstrap_ratio_interval([1.0, 2.0], [1.0], np.ones((3, 2)) / 2), "one numerator per denominator"),
        (lambda: bootstrap_ratio_interval([1.0, 2.0], [0.0, 0.0], np.ones((3, 2)) / 2), "above 0"),
        (lambda: non_inferior(0.0, -0.01), "positive number"),
        (lambda: non_inferior(math.nan, 0.01), "got nan"),
        (lambda: holm([0.5, 1.5]), "[0, 1]"),
        (lambda: holm([0.5, math.nan]), "[0, 1]"),
        (lambda: wilson_interval(5, 4), "got 5 of 4"),
        (lambda: wilson_interval(0, 0), "n >= 1"),
        (lambda: clustered_standard_error([1.0, 2.0], ["a"]), "one group label per value"),
        (lambda: clustered_standard_error([1.0, 2.0], ["a", "a"]), "at least 2 groups"),
        (lambda: clustered_standard_error([1.0, math.inf], ["a", "b"]), "finite"),
    ],
)
def test_bad_arguments_are_one_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
