"""Metrics of probabilities equal their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from evals.metrics import probability
from evals.metrics.counts import Counts
from evals.metrics.probability import brier_parts
from tests.evals.metrics.cases import cases, samples_of, value
from tests.support.examples import examples


@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_confidences_of_exactly_0_and_1_count_in_every_bin_scheme(bins: int) -> None:
    for metric in (probability.ece_equal_width, probability.ece_equal_mass):
        assert value(lambda c, m=metric: m(c, bins), [0.0, 1.0], [0, 1]) == 0.0
        expected = 1.0 if bins > 1 else 0.0  # in one bin, two opposite errors cancel
        assert value(lambda c, m=metric: m(c, bins), [0.0, 1.0], [1, 0]) == expected
        assert value(lambda c, m=metric: m(c, bins), [1.0], [0]) == 1.0


def test_a_sure_error_costs_much_but_not_infinitely() -> None:
    assert value("nll", [1.0], [0]) == pytest.approx(-math.log(1e-12), rel=1e-4)
    assert value("nll", [0.0], [1]) == pytest.approx(-math.log(1e-12))
    assert value("nll", [0.0, 1.0], [0, 1]) == pytest.approx(0.0, abs=1e-11)


def slow_ece(p, y, where):
    return sum(abs(np.sum(p[where == b]) - np.sum(y[where == b])) for b in set(where)) / len(p)


def slow_equal_mass(p, bins):
    return np.array([int(bins * (np.sum(p < v) + np.sum(p == v) / 2) / len(p)) for v in p])


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_ece_is_its_definition(case) -> None:
    p, y, _ = case
    width = np.array([next(b for b in range(15) if v <= (b + 1) / 15) for v in p])
    assert value("ece_equal_width", p, y) == pytest.approx(slow_ece(p, y, width), abs=1e-12)
    assert value("ece_equal_mass", p, y) == pytest.approx(slow_ece(p, y, slow_equal_mass(p, 15)), abs=1e-12)


@settings(deadline=None, max_examples=examples(50))
@given(cases())
def test_the_parts_of_the_brier_score_add_up(case) -> None:
    p, y, _ = case
    for bins in (1, 3, 15):
        parts = brier_parts(Counts.of(samples_of(p, y)), bins)
        whole = parts.reliability - parts.resolution + parts.uncertainty
        assert float(whole[0]) == pytest.approx(value("brier", p, y), abs=1e-12)
        assert parts.reliability[0] >= -1e-12 and 0 <= parts.uncertainty[0] <= 0.25


def test_the_parts_are_murphys_where_a_bin_is_one_confidence() -> None:
    p = np.repeat([0.2, 0.5, 0.9], [40, 30, 30])
    y = np.arange(100) % np.repeat([4, 2, 10], [40, 30, 30]) == 1
    shares = {v: y[p == v].mean() for v in (0.2, 0.5, 0.9)}
    weight = {v: np.mean(p == v) for v in shares}
    parts = brier_parts(Counts.of(samples_of(p, y)))
    assert parts.reliability[0] == pytest.approx(sum(weight[v] * (v - shares[v]) ** 2 for v in shares))
    assert parts.resolution[0] == pytest.approx(sum(weight[v] * (shares[v] - y.mean()) ** 2 for v in shares))
    assert parts.uncertainty[0] == pytest.approx(y.mean() * (1 - y.mean()))


def test_calibration_errors_shrink_on_perfectly_calibrated_data() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(40_000)
    y = rng.random(40_000) < p
    for name in ("ece_equal_width", "ece_equal_mass", "smooth_ece", "reliability"):
        few, many = (np.mean([value(name, p[i : i + n], y[i : i + n]) for i in (0, 5000)]) for n in (200, 5000))
        assert many < few / 2
        assert value(name, p, y) < 0.01
        assert value(name, 0.5 * p, y) > 20 * value(name, p, y)
    assert value("ece_equal_width", 0.5 * p, y) == pytest.approx(0.25, abs=0.01)
    assert value("smooth_ece", 0.5 * p, y) == pytest.approx(0.25, abs=0.01)
