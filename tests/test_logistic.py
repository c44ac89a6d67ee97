"""Logistic regression: the minimum of the penalised log loss, exact, with offsets and soft targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from tts.logistic import EPS, fit_logistic, log_loss, logit, smoothed


def problem(seed: int, samples: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    design = np.column_stack([rng.normal(size=(samples, 2)), np.ones(samples)])
    return design, (rng.random(samples) < expit(design @ np.array([1.0, -0.5, 0.2]))).astype(float)


@given(st.integers(0, 30), st.floats(0.0, 5.0))
def test_no_step_from_the_solution_lowers_the_loss(seed: int, ridge: float) -> None:
    design, targets = problem(seed)
    targets, penalty = smoothed(targets), np.array([ridge, ridge, 0.0])
    found = fit_logistic(design, targets, penalty)

    def loss(theta: np.ndarray) -> float:
        return log_loss(design @ theta, targets) + float(penalty @ theta**2) / (2 * len(targets))

    for step in 1e-3 * np.vstack([np.eye(3), -np.eye(3)]):
        assert loss(found) <= loss(found + step)


def test_an_offset_is_part_of_the_log_odds() -> None:
    design, targets = problem(1)
    whole = fit_logistic(design, targets)
    rest = fit_logistic(design[:, :2], targets, offset=np.full(len(targets), whole[2]))
    assert rest == pytest.approx(whole[:2], abs=1e-6)


def test_a_penalty_shrinks_and_smoothed_targets_stay_finite_where_all_are_right() -> None:
    design, targets = problem(2)
    assert abs(fit_logistic(design, targets, np.array([50.0, 50.0, 0.0]))[0]) < abs(fit_logistic(design, targets)[0])
    (intercept,) = fit_logistic(np.ones((10, 1)), smoothed(np.ones(10)))
    assert expit(intercept) == pytest.approx(11 / 12)
    assert smoothed(np.array([1.0, 0.0, 0.0])).tolist() == pytest.approx([2 / 3, 1 / 4, 1 / 4])


def test_log_odds_are_finite_at_the_ends() -> None:
    low, middle, high = logit(np.array([0.0, 0.5, 1.0]))
    assert middle == 0.0 and high == pytest.approx(-low, rel=1e-4) and low == pytest.approx(np.log(EPS))
