"""Smooth ECE: a calibration error without bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from evals.metrics.binning import checked_probabilities
from evals.metrics.counts import Counts

Floats = NDArray[np.float64]

_GRID = 2048  # intervals of [0, 1] on which the residual lives; a power of two for the cosine transform
_NARROWEST = 1e-3  # the least bandwidth: two intervals of the grid
_STEPS = 18  # halvings of the bandwidth's bracket [1e-3, 1]: to 4e-6


def smooth_ece(counts: Counts) -> Floats:
    """Return the calibration error after smoothing by a reflected Gaussian kernel whose width is the error itself.

    With r(t) = mean over samples of K_s(t, p_i) (y_i - p_i), K_s the Gaussian density of width s reflected at 0 and 1,
    smECE_s = integral of |r(t)| over [0, 1]. It falls as s grows, and the metric is its value at the only s with
    smECE_s = s. It needs no bins, is continuous in the confidences and a consistent measure of calibration.

    Computed on a grid of 2,048 intervals, to which a sample gives linearly: reflection makes K_s the heat kernel of
    [0, 1], which multiplies the k-th cosine coefficient of r by exp(-(pi k s)^2 / 2).

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 1], shape [R], to about 1e-4; where the error is below 0.001, the error at width 0.001.

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        Blasiok and Nakkiran 2023 (arXiv 2309.12236), SmoothECE with its width's fixed point.
    """
    place = checked_probabilities(counts) * _GRID
    left = np.minimum(place.astype(np.intp), _GRID - 1)
    far = place - left
    residual = (counts.right - counts.total * counts.values) / counts.samples
    nodes = np.zeros((len(residual), _GRID + 1))
    starts = np.flatnonzero(np.diff(left, prepend=-1))  # values ascend, and so do their nodes
    nodes[:, left[starts]] += np.add.reduceat(residual * (1 - far), starts, axis=1)
    nodes[:, left[starts] + 1] += np.add.reduceat(residual * far, starts, axis=1)
    nodes[:, 1:-1] /= 2
    coefficients = dct(nodes, type=1, axis=1)
    squares = (np.pi * np.arange(_GRID + 1)) ** 2 / 2

    def error(width: Floats) -> Floats:
        smooth = np.abs(dct(coefficients * np.exp(-(width[:, None] ** 2) * squares), type=1, axis=1))
        return np.asarray((smooth.sum(axis=1) - (smooth[:, 0] + smooth[:, -1]) / 2) / _GRID)

    low, high = np.full(len(nodes), _NARROWEST), np.ones(len(nodes))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        above = error(middle) > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return error(low)
