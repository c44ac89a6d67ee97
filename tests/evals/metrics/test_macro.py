"""Macro-averages: tasks count alike, their errors combine, and constant tasks keep an interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evals.metrics.macro import macro_interval, macro_shares, macro_weights
from evals.metrics.stats import wilson_interval


def test_every_task_has_the_same_share_in_means_and_resamples() -> None:
    shares, weights = macro_shares([2, 6]), macro_weights([2, 6], 50, 0)
    assert shares.tolist() == [0.25, 0.25, *[1 / 12] * 6]
    assert np.allclose(weights.sum(axis=1), 1) and np.allclose(weights[:, :2].sum(axis=1), 0.5)


def test_tasks_of_equal_size_are_resampled_apart() -> None:
    weights = macro_weights([40, 40], 200, 0)
    assert abs(np.corrcoef(weights[:, :40].ravel(), weights[:, 40:].ravel())[0, 1]) < 0.05


def test_the_error_is_that_of_the_tasks_combined() -> None:
    rng = np.random.default_rng(0)
    tasks = [(rng.random(size) < p).astype(float) for size, p in ((50, 0.5), (400, 0.8), (100, 0.3))]
    mean, (low, high) = macro_interval(tasks, macro_weights([50, 400, 100], 10_000, 0))
    assert mean == pytest.approx(np.mean([one.mean() for one in tasks]))
    error = math.sqrt(sum(one.var() / len(one) for one in tasks)) / 3
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.03)


def test_a_task_without_a_wrong_answer_adds_its_wilson_interval() -> None:
    bottom, _ = wilson_interval(20, 20)
    mean, (low, high) = macro_interval([np.ones(20), np.ones(20)], macro_weights([20, 20], 100, 0))
    assert (mean, high) == (1.0, 1.0) and low == pytest.approx(1 - math.hypot((1 - bottom) / 2, (1 - bottom) / 2))
