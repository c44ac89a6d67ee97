"""Every map is the optimum of its stated objective, recovers a known truth, survives JSON and any finite data."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from tests.support.examples import examples
from tts.errors import InputError
from tts.scorers.calibration.maps import CalibrationMap, MapKind, fit_map

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

KINDS: list[MapKind] = ["platt", "isotonic", "beta", "temperature"]


def simulated(n: int, truth: Callable[[Floats], Floats], seed: int, *, raw: bool = False) -> tuple[Floats, Bools]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(3.0, 2.0, n) if raw else rng.beta(2.0, 1.5, n)
    return scores, rng.random(n) < truth(scores)


def smoothed_loss(logits: Floats, correct: Bools) -> float:
    """Platt's objective, written from the paper."""
    n1, n0 = correct.sum(), (~correct).sum()
    targets = np.where(correct, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    p = np.clip(expit(logits), 1e-300, 1.0)
    q = np.clip(expit(-logits), 1e-300, 1.0)
    return float(-np.mean(targets * np.log(p) + (1 - targets) * np.log(q)))


def least(loss: Callable[[Floats], float], start: list[float], bounds: Any = None) -> tuple[Floats, float]:
    """Return the place and the value of a loss's minimum, by methods that know no gradient."""
    if bounds is None:
        found = minimize(loss, np.array(start), method="Nelder-Mead", tol=1e-10)
    else:
        found = minimize(loss, np.array(start), method="L-BFGS-B", bounds=bounds, tol=1e-14)
    return np.asarray(found.x), float(found.fun)


BETA_BOUNDS = [(0, None), (0, None), (None, None)]


def test_platt_is_the_optimum_that_a_generic_minimiser_finds() -> None:
    s, y = simulated(300, lambda s: expit(0.8 * s - 2.0), 0, raw=True)
    found, _ = least(lambda v: smoothed_loss(v[0] * s + v[1], y), [0.0, 0.0])
    assert fit_map("platt", s, y).parameters == pytest.approx(tuple(found), abs=1e-5)


def test_beta_is_the_optimum_that_a_generic_minimiser_finds() -> None:
    s, y = simulated(300, lambda s: expit(1.5 * np.log(s) - 0.5 * np.log1p(-s) + 0.3), 1)

    def loss(v: Floats) -> float:
        return smoothed_loss(v[0] * np.log(s) - v[1] * np.log1p(-s) + v[2], y)

    found, lowest = least(loss, [1.0, 1.0, 0.0], BETA_BOUNDS)
    fitted = fit_map("beta", s, y).parameters
    assert fitted == pytest.approx(tuple(found), abs=1e-3)
    assert loss(np.array(fitted)) <= lowest + 1e-12


@pytest.mark.parametrize(("a", "b"), [(-1.0, 1.5), (1.5, -1.0), (-1.0, -1.0)])
def test_beta_holds_a_and_b_at_zero_where_the_data_ask_for_less(a: float, b: float) -> None:
    s, y = simulated(2000, lambda s: expit(a * np.log(s) - b * np.log1p(-s)), 2)

    def loss(v: Floats) -> float:
        return smoothed_loss(v[0] * np.log(s) - v[1] * np.log1p(-s) + v[2], y)

    fitted = fit_map("beta", s, y).parameters
    _, lowest = least(loss, [0.5, 0.5, 0.0], BETA_BOUNDS)
    assert min(fitted[:2]) == 0.0
    assert loss(np.array(fitted)) <= lowest + 1e-9


@pytest.mark.parametrize("raw", [False, True])
def test_temperature_is_the_optimum_that_a_generic_minimiser_finds(raw: bool) -> None:
    s, y = simulated(400, lambda s: expit(s / 1.7) if raw else expit(logit(s) / 1.7), 3, raw=raw)
    logits = s if raw else logit(s)
    found, _ = least(lambda v: smoothed_loss(logits * v[0], y), [1.0])
    fitted = fit_map("temperature", s, y)
    assert fitted.parameters == pytest.approx((1 / found[0], 0.0 if raw else 1.0), rel=1e-4)
    assert fitted(s) == pytest.approx(expit(logits / fitted.parameters[0]), abs=1e-12)


def test_known_parameters_are_recovered_from_forty_thousand_pairs() -> None:
    # Tolerances are about 4 standard errors of each estimate.
    s, y = simulated(40_000, lambda s: expit(0.8 * s - 2.0), 4, raw=True)
    assert fit_map("platt", s, y).parameters == pytest.approx((0.8, -2.0), abs=0.1)
    s, y = simulated(40_000, lambda s: expit(1.5 * np.log(s) - 0.5 * np.log1p(-s) + 0.3), 5)
    assert fit_map("beta", s, y).parameters == pytest.approx((1.5, 0.5, 0.3), abs=0.2)
    s, y = simulated(40_000, lambda s: expit(logit(s) / 2.5), 6)
    assert fit_map("temperature", s, y).parameters == pytest.approx((2.5, 1.0), abs=0.15)
    fitted = fit_map("isotonic", s, y)
    grid = np.linspace(0.2, 0.95, 20)
    assert fitted(grid) == pytest.approx(expit(logit(grid) / 2.5), abs=0.06)


def test_platt_may_fall_and_does_not_mind_the_scale() -> None:
    s, y = simulated(500, lambda s: expit(-1.0 * s + 3.0), 7, raw=True)
    plain = fit_map("platt", s, y)
    assert plain.parameters[0] < 0
    moved = fit_map("platt", 1e-6 * s - 5000.0, y)
    assert moved(1e-6 * s - 5000.0) == pytest.approx(plain(s), abs=1e-4)
    large = fit_map("platt", 1e9 * s, y)
    assert large(1e9 * s) == pytest.approx(plain(s), abs=1e-8)


scores_and_marks = st.lists(
    st.tuples(st.integers(-40, 40).map(lambda v: v / 8), st.booleans()), min_size=2, max_size=40
)


@settings(deadline=None)
@given(scores_and_marks)
def test_isotonic_is_increasing_calibrated_in_sample_and_of_least_squares(pairs: list[tuple[float, bool]]) -> None:
    s, y = np.array([v for v, _ in pairs]), np.array([ok for _, ok in pairs], dtype=float)
    fitted = fit_map("isotonic", s, y)
    p = fitted(s)
    for value in np.unique(np.round(p, 9)):
        block = np.isclose(p, value, atol=1e-9)
        assert p[block].mean() == pytest.approx(y[block].mean(), abs=1e-9)
    grid = np.linspace(-6, 6, 200)
    assert np.all(np.diff(fitted(grid)) >= -1e-12)
    assert fitted([-math.inf, math.inf]) == pytest.approx(fitted([s.min(), s.max()]))
    for other in (np.full(len(s), y.mean()), expit(s), (s >= 0).astype(float)):
        assert np.sum((p - y) ** 2) <= np.sum((other - y) ** 2) + 1e-9


def test_isotonic_pools_ties_before_anything_else() -> None:
    fitted = fit_map("isotonic", [0.2, 0.2, 0.2, 0.8, 0.8], [True, False, False, True, True])
    assert fitted.parameters == pytest.approx((0.2, 0.8, 1 / 3, 1.0))
    assert fitted([0.0, 0.2, 0.5, 0.8, 9.0]) == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1.0, 1.0])


@settings(deadline=None, max_examples=examples(200))
@given(st.sampled_from(KINDS), scores_and_marks, st.booleans())
def test_any_data_give_probabilities_with_finite_log_odds_and_a_round_trip(
    kind: MapKind, pairs: list[tuple[float, bool]], raw: bool
) -> None:
    s, y = np.array([v for v, _ in pairs]), [ok for _, ok in pairs]
    if kind == "beta" or not raw:
        s = (s + 5) / 10  # into [0, 1], both ends included
    fitted = fit_map(kind, s, y)
    p = fitted(s)
    assert p.shape == s.shape
    assert np.all((p > 0) & (p < 1))
    assert np.isfinite(logit(p)).all()
    if kind != "platt":
        assert np.all(np.diff(p[np.argsort(s)]) >= -1e-12)
    restored = CalibrationMap.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert restored == fitted
    assert np.array_equal(restored(s), p)


@settings(deadline=None, max_examples=examples(200))
@given(scores_and_marks)
def test_platt_stands_at_a_point_without_gradient(pairs: list[tuple[float, bool]]) -> None:
    s, y = np.array([v for v, _ in pairs]), np.array([ok for _, ok in pairs])
    slope, intercept = fit_map("platt", s, y).parameters
    n1, n0 = y.sum(), (~y).sum()
    residual = expit(slope * s + intercept) - np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    assert abs(residual.mean()) < 1e-7
    assert abs((residual * s).mean()) < 1e-6


def test_platt_smooths_where_all_samples_are_alike() -> None:
    assert fit_map("platt", [0.1, 0.5, 0.9], [True] * 3)([0.1, 7.0]) == pytest.approx([0.8, 0.8])
    assert fit_map("platt", [0.1, 0.5, 0.9], [False] * 3)([0.1, 7.0]) == pytest.approx([0.2, 0.2])
    constant = fit_map("platt", [3.0] * 4, [True, True, True, False])
    assert constant.parameters[0] == 0.0
    assert constant([-math.inf, 3.0, math.inf]) == pytest.approx([(3 * 4 / 5 + 1 / 3) / 4] * 3)


def test_infinite_scores_are_the_ends_of_a_platt_map() -> None:
    fitted = fit_map("platt", [0.0, 1.0, 2.0, 3.0], [False, True, False, True])
    low, high = fitted([-math.inf, math.inf])
    assert 0 < low < 1e-9
    assert 1 - 1e-9 < high < 1


def test_a_temperature_map_remembers_whether_it_reads_probabilities() -> None:
    s, y = np.array([-2.0, 0.5, 0.7, 3.0]), [False, True, False, True]
    raw = fit_map("temperature", s, y)
    assert raw(0.5) == pytest.approx(expit(0.5 / raw.parameters[0]))
    probabilities = fit_map("temperature", [0.2, 0.5, 0.7, 0.9], y)
    assert probabilities(0.5) == pytest.approx(0.5)
    with pytest.raises(InputError, match="fitted on probabilities, got scores from 3 to 3"):
        probabilities(3.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: fit_map("plat", [1.0, 2.0], [True, False]), "platt, isotonic, beta, temperature, got 'plat'"),
        (lambda: fit_map("platt", [], []), "at least 2 scored samples, got 0"),
        (lambda: fit_map("platt", [1.0], [True]), "got 1"),
        (lambda: fit_map("platt", [1.0, 2.0], [True]), "one mark per score"),
        (lambda: fit_map("isotonic", [1.0, math.nan], [True, False]), "NaN"),
        (lambda: fit_map("isotonic", [1.0, math.inf], [True, False]), "infinity"),
        (lambda: fit_map("temperature", [0.1, 0.2], [0.5, 1.0]), "True or False"),
        (lambda: fit_map("temperature", [0.1, 0.2], [math.nan, 1.0]), "True or False"),
        (lambda: fit_map("beta", [0.5, 1.5], [True, False]), "use platt or isotonic"),
        (lambda: fit_map("beta", [0.2, 0.5], [True, False])([-0.1]), "fitted on probabilities"),
        (lambda: fit_map("platt", [0.2, 0.5], [True, False])([math.nan]), "NaN"),
        (lambda: CalibrationMap.from_dict({}), "got None"),
        (lambda: CalibrationMap.from_dict({"kind": "platt", "parameters": [1.0]}), "fit the map again"),
        (lambda: CalibrationMap.from_dict({"kind": "platt", "parameters": [1.0, "2"]}), "fit the map again"),
        (lambda: CalibrationMap.from_dict({"kind": "beta", "parameters": [1.0, math.inf, 0.0]}), "fit the map again"),
        (lambda: CalibrationMap.from_dict({"kind": "isotonic", "parameters": [2.0, 1.0, 0.1, 0.2]}), "fit the map"),
        (lambda: CalibrationMap.from_dict({"kind": "isotonic", "parameters": []}), "fit the map"),
        (lambda: CalibrationMap.from_dict({"kind": "temperature", "parameters": [0.0, 1.0]}), "fit the map"),
    ],
)
def test_bad_arguments_are_one_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_importing_and_using_a_map_does_not_load_the_optimiser_which_is_slow_to_import() -> None:
    code = (
        "import sys; from tts.scorers.calibration.maps import CalibrationMap; "
        "CalibrationMap('platt', (1.0, 0.0))([0.5]); "
        "sys.exit(any(name.startswith('scipy.optimize') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
