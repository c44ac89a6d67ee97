"""A linear probe finds the direction that separates right from wrong."""

from __future__ import annotations

import numpy as np
import pytest

from tts.training.grace.probe import fit_probe


def test_it_finds_the_direction_and_ignores_scale_and_constants() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(400, 3)) * [1.0, 100.0, 0.0] + [0.0, 5.0, 2.0]  # the last direction is constant
    correct = rng.random(400) < 1 / (1 + np.exp(-2 * hidden[:, 0]))
    probe = fit_probe(hidden, correct)
    assert probe.weights[0] > 20 * abs(probe.weights[1]) * 5 and probe.weights[2] == pytest.approx(0.0, abs=1e-6)
    odds = probe.log_odds(hidden)
    assert np.corrcoef(odds, hidden[:, 0])[0, 1] > 0.95
    assert np.mean(1 / (1 + np.exp(-odds))) == pytest.approx(correct.mean(), abs=1e-3)  # the intercept is not penalised
