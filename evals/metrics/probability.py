"""Metrics of probabilities: are the samples of confidence p right a share p of the time?

They need confidences in [0, 1]; what reads only their order is in :mod:`evals.metrics.ranking`. Each takes ``Counts``
of R resamples and returns one number a resample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from evals.metrics.counts import Counts
from evals.metrics.scored import ScoredSamples
from tts.errors import InputError
from tts.logistic import EPS

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

BINS = 15
"""Bins of every binned metric, as in Guo et al. 2017."""
_GRID = 2048  # intervals of [0, 1] on which smooth ECE lives; a power of two for the cosine transform
_NARROWEST = 1e-3  # the least bandwidth of smooth ECE: two intervals of the grid
_STEPS = 18  # halvings of the bandwidth's bracket [1e-3, 1]: to 4e-6


def ece_equal_width(counts: Counts, bins: int = BINS) -> Floats:
    """The expected calibration error over bins of equal width.

    Bin b is ((b - 1) / bins, b / bins] and the first also holds 0, so that confidences of exactly 0 and 1 count.

    Args:
        counts: Of R resamples of probabilities.
        bins: How many bins, >= 1.

    Returns:
        sum over bins of (share of samples) |accuracy - mean confidence|, in [0, 1], shape [R]. It is biased upwards,
        the more the fewer samples a bin has.

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Naeini et al. 2015; Guo et al. 2017 (arXiv 1706.04599), equation 3.
    """
    return _ece(counts, np.broadcast_to(_equal_width(_checked(counts, bins), bins), counts.total.shape), bins)


def ece_equal_mass(counts: Counts, bins: int = BINS) -> Floats:
    """The expected calibration error over bins of equally many samples, as far as ties allow.

    All samples of one confidence lie in the bin of their middle rank, floor(bins (N + m / 2) / n) for m samples that
    follow N of n: equal confidences are never parted, whatever their order, and a bin may stay empty.

    Args:
        counts: Of R resamples of probabilities; each gets its own bins.
        bins: How many bins, >= 1.

    Returns:
        sum over bins of (share of samples) |accuracy - mean confidence|, in [0, 1], shape [R].

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Adaptive binning of Nguyen and O'Connor 2015 (arXiv 1508.05154).
    """
    _checked(counts, bins)
    return _ece(counts, _equal_mass(counts, bins), bins)


def brier(counts: Counts) -> Floats:
    """The mean squared difference between confidence and outcome.

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 1], shape [R]: accuracy (1 - accuracy) for whoever always says the base accuracy.

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        Brier 1950, for two outcomes.
    """
    p = _checked(counts)
    return _mean(counts, counts.right * (1 - p) ** 2 + counts.wrong * p**2)


@dataclass(frozen=True, slots=True, eq=False)
class BrierParts:
    """Brier = reliability - resolution + uncertainty, exactly; each [R]."""

    reliability: Floats
    resolution: Floats
    uncertainty: Floats


def brier_parts(counts: Counts, bins: int = BINS) -> BrierParts:
    """The Brier score parted into miscalibration, discrimination and the difficulty of the task.

    Over equal-mass bins, with the two terms for what varies within a bin counted to the resolution, so that the parts
    add up to the Brier score to rounding; where each bin holds one distinct confidence they are Murphy's own.
    With n_b samples of mean confidence p_b and accuracy y_b in bin b, and y the accuracy of all n:
    reliability = sum n_b (p_b - y_b)^2 / n; uncertainty = y (1 - y);
    resolution = sum n_b (y_b - y)^2 / n - within-bin variance + 2 within-bin covariance of confidence and outcome.

    Args:
        counts: Of R resamples of probabilities; each gets its own bins.
        bins: How many bins, >= 1.

    Returns:
        Reliability in [0, 1], lower is better; resolution, at most the uncertainty plus the reliability, higher is
        better and below 0 only where the order within bins misleads; uncertainty in [0, 0.25], which no scorer changes.

    Raises:
        InputError: If a confidence is outside [0, 1] or ``bins`` < 1.

    Source:
        Murphy 1973; the generalised resolution of Stephenson, Coelho and Jolliffe 2008.
    """
    p = _checked(counts, bins)
    where, samples = _equal_mass(counts, bins), counts.samples
    size, right, claimed = (_by_bin(x, where, bins) for x in (counts.total, counts.right, counts.total * p))
    safe = np.where(size > 0, size, 1.0)
    reliability = np.sum((claimed - right) ** 2 / safe, axis=1) / samples[:, 0]
    y = counts.right.sum(axis=1) / samples[:, 0]
    between = np.sum((right - size * y[:, None]) ** 2 / safe, axis=1) / samples[:, 0]
    variance = _mean(counts, counts.total * p**2) - np.sum(claimed**2 / safe, axis=1) / samples[:, 0]
    covariance = _mean(counts, counts.right * p) - np.sum(claimed * right / safe, axis=1) / samples[:, 0]
    return BrierParts(reliability, between - variance + 2 * covariance, y * (1 - y))


def nll(counts: Counts) -> Floats:
    """The mean negative log-likelihood of the outcomes, in nats.

    Confidences are first moved to [1e-12, 1 - 1e-12], as a calibration map's are: a wrong sample of confidence exactly
    1, or a right one of exactly 0, costs 27.6 nats rather than infinity, so one of them cannot hide all others.

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 27.7], shape [R]: the entropy of the base accuracy for whoever always says it.

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        The logarithmic score, Good 1952.
    """
    p = np.clip(_checked(counts), EPS, 1 - EPS)
    return _mean(counts, -counts.right * np.log(p) - counts.wrong * np.log1p(-p))


def smooth_ece(counts: Counts) -> Floats:
    """The calibration error after smoothing by a reflected Gaussian kernel whose width is the error itself.

    With r(t) = mean over samples of K_s(t, p_i) (y_i - p_i), K_s the Gaussian density of width s reflected at 0 and 1,
    smECE_s = integral of |r(t)| over [0, 1]. It falls as s grows, and the value is that at the only s with
    smECE_s = s. No bins, continuous in the confidences, a consistent measure of calibration.

    Computed on a grid of 2,048 intervals, to which a sample gives linearly: reflection makes K_s the heat kernel of
    [0, 1], which multiplies the k-th cosine coefficient of r by exp(-(pi k s)^2 / 2).

    Args:
        counts: Of R resamples of probabilities.

    Returns:
        Values in [0, 1], shape [R], to about 1e-4; where the error is below 0.001, that at width 0.001.

    Raises:
        InputError: If a confidence is outside [0, 1].

    Source:
        Blasiok and Nakkiran 2023 (arXiv 2309.12236), SmoothECE with its width's fixed point.
    """
    place = _checked(counts) * _GRID
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


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: the range and mean of its confidences, its accuracy with an interval."""

    low: float
    high: float
    confidence: float
    accuracy: float
    accuracy_ci: tuple[float, float] | None
    samples: int
    questions: int


def reliability_bins(judged: ScoredSamples, weights: Floats, bins: int = BINS) -> list[Bin]:
    """The bins of a reliability diagram, equal-mass, with 95 % intervals over resampled questions.

    Args:
        judged: The samples; any real scores will do.
        weights: Shares of the questions in each resample, as :func:`evals.metrics.stats.bootstrap_weights` gives them,
            [replicates, questions].
        bins: How many bins, >= 1; ties may leave fewer.

    Returns:
        The bins that hold samples, by ascending confidence; the interval is None in a bin of one question. The bins
        stay the same in all resamples; a resample without samples in a bin does not count there.

    Raises:
        InputError: If ``bins`` < 1.

    Source:
        DeGroot and Fienberg 1983; intervals by the percentile bootstrap over questions.
    """
    counts = Counts.of(judged)
    _checked_bins(bins)
    where = _equal_mass(counts, bins)[0][np.searchsorted(counts.values, judged.confidence)]
    cells = judged.question * bins + where
    shape = (judged.questions, bins)
    size = np.bincount(cells, minlength=shape[0] * bins).reshape(shape).astype(np.float64)
    right = np.bincount(cells, weights=judged.correct, minlength=shape[0] * bins).reshape(shape)
    below = weights @ size
    shares = np.divide(weights @ right, below, out=np.full_like(below, np.nan), where=below > 0)
    found = []
    for b in np.flatnonzero(size.sum(axis=0)):
        inside, questions = judged.confidence[where == b], int(np.count_nonzero(size[:, b]))
        ends = np.nanquantile(shares[:, b], [0.025, 0.975]) if questions > 1 else None
        found.append(
            Bin(
                low=float(inside.min()),
                high=float(inside.max()),
                confidence=float(inside.mean()),
                accuracy=float(right[:, b].sum() / size[:, b].sum()),
                accuracy_ci=None if ends is None else (float(ends[0]), float(ends[1])),
                samples=len(inside),
                questions=questions,
            )
        )
    return found


def _ece(counts: Counts, where: Ints, bins: int) -> Floats:
    gap = _by_bin(counts.right - counts.total * counts.values, where, bins)
    return np.asarray(np.abs(gap).sum(axis=1) / counts.samples[:, 0])


def _equal_width(p: Floats, bins: int) -> Ints:
    """The bin of each value; the edges are the floats nearest to b / bins, as a decimal such as 0.6 is."""
    return np.maximum(np.searchsorted(np.arange(bins + 1) / bins, p, side="left") - 1, 0)


def _equal_mass(counts: Counts, bins: int) -> Ints:
    """The bin of each value in each resample, [R, values]; exact, because all numbers are whole."""
    twice = 2 * np.cumsum(counts.total, axis=1) - counts.total
    return np.minimum(bins * twice / (2 * counts.samples), bins - 1).astype(np.intp)


def _by_bin(amounts: Floats, where: Ints, bins: int) -> Floats:
    """The sums of amounts [R, values] over bins, [R, bins]."""
    rows = len(amounts)
    cells = where + bins * np.arange(rows)[:, None]
    flat = np.bincount(cells.ravel(), weights=amounts.ravel(), minlength=rows * bins)
    return flat.astype(np.float64).reshape(rows, bins)


def _mean(counts: Counts, amounts: Floats) -> Floats:
    return np.asarray(amounts.sum(axis=1) / counts.samples[:, 0])


def _checked(counts: Counts, bins: int = BINS) -> Floats:
    _checked_bins(bins)
    low, high = float(counts.values[0]), float(counts.values[-1])
    if low < 0 or high > 1:
        raise InputError(
            f"A calibration metric needs probabilities in [0, 1], got scores from {low:g} to {high:g}: "
            "map them to probabilities first."
        )
    return counts.values


def _checked_bins(bins: int) -> None:
    if bins < 1:
        raise InputError(f"A binned metric needs at least 1 bin, got {bins}: give for example 15.")
