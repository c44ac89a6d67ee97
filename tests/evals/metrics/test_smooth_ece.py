"""Smooth ECE is the fixed point of its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from tests.evals.metrics.cases import value


@pytest.mark.parametrize(
    ("p", "y"),
    [
        ([0.3, 0.9, 0.95, 0.2, 0.6, 0.61], [1, 0, 1, 0, 0, 0]),
        ([0.0, 0.0, 1.0, 1.0, 1.0], [0, 1, 1, 0, 0]),
        ([0.5] * 10, [1] * 7 + [0] * 3),
    ],
)
def test_smooth_ece_is_the_fixed_point_of_its_definition(p, y) -> None:
    p, y = np.array(p), np.array(y)

    t, images = np.linspace(0, 1, 2001), 2 * np.arange(-3, 4)  # what lies six bandwidths away adds nothing

    def error(width: float) -> float:
        near = [t[:, None, None] + sign * p[:, None] + images for sign in (-1, 1)]
        kernel = sum(np.exp(-((x / width) ** 2) / 2).sum(axis=2) for x in near) / (width * math.sqrt(2 * math.pi))
        return float(np.trapezoid(np.abs(kernel @ (y - p)) / len(p), t))

    expected = brentq(lambda width: error(width) - width, 1e-2, 1.0, xtol=1e-6)
    assert value("smooth_ece", p, y) == pytest.approx(expected, abs=1e-4)
