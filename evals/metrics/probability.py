"""Metrics of probabilities: are the samples of confidence p right a share p of the time?

They need confidences in [0, 1]; the metrics of their order are in :mod:`evals.metrics.ranking`. Each takes ``Counts``
of R resamples and returns one number a resample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.metrics.binning import BINS, Ints, by_bin, check_bins, checked_probabilities, equal_mass, equal_width
from evals.metrics.counts import Counts
from tts.logistic import EPS

Floats = NDArray[np.float64]


def ece_equal_width(counts: Counts, bins: int = BINS) -> Floats:
    """Return the expected calibration error over bins of equal width.

    Bin b is ((b - 1) / bins, b / bins] and the first also holds 0, so that confidences of exactly 0 and 1 count.

    Args:
        counts: Of R resamples of probabilities.
        bins: The number of bins, >= 1.

    Returns:
        sum over bins of (share of samples) |accuracy - mean confidence|, in [0, 1], shape [R]. It is biased upwards,
        the more the fewer samples a bin has.

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Naeini et al. 2015; Guo et al. 2017 (arXiv 1706.04599), equation 3.
    """
    check_bins(bins)
    where = equal_width(checked_probabilities(counts), bins)
    return _ece(counts, np.broadcast_to(where, counts.total.shape), bins)


def ece_equal_mass(counts: Counts, bins: int = BINS) -> Floats:
    """Return the expected calibration error over bins of equally many samples, as far as ties allow.

    All samples of one confidence lie in the bin of their middle rank, floor(bins (N + m / 2) / n) for m samples that
    follow N of n: equal confidences share a bin, whatever their order, and a bin may stay empty.

    Args:
        counts: Of R resamples of probabilities; each gets its own bins.
        bins: The number of bins, >= 1.

    Returns:
        sum over bins of (share of samples) |accuracy - mean confidence|, in [0, 1], shape [R].

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Adaptive binning of Nguyen and O'Connor 2015 (arXiv 1508.05154).
    """
    check_bins(bins)
    checked_probabilities(counts)
    return _ece(counts, equal_mass(counts, bins), bins)


def brier(counts: Counts) -> Floats:
    """Return the mean squared difference between confidence and outcome.

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 1], shape [R]; a constant confidence of the base accuracy has accuracy (1 - accuracy).

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        Brier 1950, for two outcomes.
    """
    p = checked_probabilities(counts)
    return _mean(counts, counts.right * (1 - p) ** 2 + counts.wrong * p**2)


@dataclass(frozen=True, slots=True, eq=False)
class BrierParts:
    """Brier = reliability - resolution + uncertainty, exactly; each [R]."""

    reliability: Floats
    resolution: Floats
    uncertainty: Floats


def brier_parts(counts: Counts, bins: int = BINS) -> BrierParts:
    """Return the Brier score parted into miscalibration, discrimination and the difficulty of the task.

    The parts are over equal-mass bins. The two terms for the variation within a bin count to the resolution, so that
    the parts add up to the Brier score to rounding; where each bin holds one distinct confidence they are Murphy's own.
    With n_b samples of mean confidence p_b and accuracy y_b in bin b, and y the accuracy of all n:
    reliability = sum n_b (p_b - y_b)^2 / n; uncertainty = y (1 - y);
    resolution = sum n_b (y_b - y)^2 / n - within-bin variance + 2 within-bin covariance of confidence and outcome.

    Args:
        counts: Of R resamples of probabilities; each gets its own bins.
        bins: The number of bins, >= 1.

    Returns:
        Reliability in [0, 1], lower is better; resolution, at most the uncertainty plus the reliability, higher is
        better, below 0 only where the order within bins misleads; uncertainty in [0, 0.25], which no scorer changes.

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Murphy 1973; the generalised resolution of Stephenson, Coelho and Jolliffe 2008.
    """
    check_bins(bins)
    p = checked_probabilities(counts)
    where, samples = equal_mass(counts, bins), counts.samples
    size, right, claimed = (by_bin(x, where, bins) for x in (counts.total, counts.right, counts.total * p))
    safe = np.where(size > 0, size, 1.0)
    reliability = np.sum((claimed - right) ** 2 / safe, axis=1) / samples[:, 0]
    y = counts.right.sum(axis=1) / samples[:, 0]
    between = np.sum((right - size * y[:, None]) ** 2 / safe, axis=1) / samples[:, 0]
    variance = _mean(counts, counts.total * p**2) - np.sum(claimed**2 / safe, axis=1) / samples[:, 0]
    covariance = _mean(counts, counts.right * p) - np.sum(claimed * right / safe, axis=1) / samples[:, 0]
    return BrierParts(reliability, between - variance + 2 * covariance, y * (1 - y))


def nll(counts: Counts) -> Floats:
    """Return the mean negative log-likelihood of the outcomes, in nats.

    Confidences are first moved to [1e-12, 1 - 1e-12], as a calibration map's are: a wrong sample of confidence exactly
    1, or a right one of exactly 0, costs 27.6 nats rather than infinity, so that one sample cannot hide all others.

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 27.7], shape [R]; a constant confidence of the base accuracy has the entropy of that accuracy.

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        The logarithmic score, Good 1952.
    """
    p = np.clip(checked_probabilities(counts), EPS, 1 - EPS)
    return _mean(counts, -counts.right * np.log(p) - counts.wrong * np.log1p(-p))


def _ece(counts: Counts, where: Ints, bins: int) -> Floats:
    gap = by_bin(counts.right - counts.total * counts.values, where, bins)
    return np.asarray(np.abs(gap).sum(axis=1) / counts.samples[:, 0])


def _mean(counts: Counts, amounts: Floats) -> Floats:
    return np.asarray(amounts.sum(axis=1) / counts.samples[:, 0])
