"""Error bars and tests for comparing strategies on the same questions.

Bootstraps resample questions: a value is one question's accuracy, samples or tokens, already averaged over draws or
permutations, and a comparison is the interval of the differences per question. Knows only arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from evals.metrics.bootstrap import Bootstrap
from evals.metrics.percentile import checked_level, percentile_interval, percentile_ratio, percentile_test
from tts.errors import InputError

Floats = NDArray[np.float64]

Weights = Floats | Bootstrap
"""Shares of the questions in each resample, [replicates, questions], as an array or drawn again whenever needed."""


def bootstrap_weights(questions: int, replicates: int, seed: int) -> Floats:
    """Return the share of every question in each resample of a :class:`~evals.metrics.bootstrap.Bootstrap`.

    Args:
        questions: The number of questions, >= 1.
        replicates: The number of resamples, >= 1.
        seed: The same seed gives the same resamples.

    Returns:
        Multinomial counts / questions, float64, shape [replicates, questions]; every row sums to 1.

    Raises:
        InputError: If a number is below 1.
    """
    weights, done = np.empty((replicates, questions)), 0
    for counts in Bootstrap(questions, replicates, seed).counts():
        weights[done : done + len(counts)] = counts
        done += len(counts)
    weights /= questions
    return weights


def bootstrap_interval(values: ArrayLike, weights: Weights, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile interval of the mean over questions, for each trailing column of ``values``.

    Args:
        values: One value per question (for a comparison: one difference), shape [questions, ...].
        weights: The shares of the questions in each resample, shape [replicates, questions].
        level: Coverage of the two-sided interval, in (0, 1).

    Returns:
        The lower and the upper end, each of the trailing shape of ``values``, in its units.

    Raises:
        InputError: If the shapes do not fit, a value is not finite or the level is out of range.

    Source:
        Efron and Tibshirani 1993, chapter 13 (percentile interval).
    """
    return percentile_interval(_resampled(values, weights), level)


def bootstrap_test(values: ArrayLike, weights: Weights, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return the percentile interval of the mean over questions, and its p-value of "the mean is 0".

    The p-value is 1 minus the largest level at which the interval leaves out 0.

    Args:
        values: One paired difference per question, shape [questions, ...].
        weights: The shares of the questions in each resample, shape [replicates, questions].
        level: Coverage of the interval.

    Returns:
        The lower end, the upper end and the two-sided p-value, in [1 / replicates, 1].

    Raises:
        InputError: As ``bootstrap_interval``.

    Source:
        Efron and Tibshirani 1993, chapter 13 (the percentile interval, inverted).
    """
    return percentile_test(_resampled(values, weights), level)


def accuracy_interval(values: ArrayLike, weights: Weights, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the interval of an accuracy over questions, for each column of ``values``.

    It is the bootstrap's, or Wilson's where all questions are right or all are wrong: resamples would not vary.

    Args:
        values: The accuracy of each question, in [0, 1], shape [questions] or [questions, columns].
        weights: The shares of the questions in each resample, shape [replicates, questions].
        level: Coverage of the interval.

    Returns:
        Both ends, each of the trailing shape.

    Raises:
        InputError: As ``bootstrap_interval``.
    """
    x = np.asarray(values, dtype=np.float64)
    return accuracy_percentiles(_resampled(x, weights), x.min(axis=0), x.max(axis=0), len(x), level)


def accuracy_percentiles(
    resampled: Floats, least: ArrayLike, most: ArrayLike, questions: int, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the interval of :func:`accuracy_interval` from the means of the accuracies in the resamples.

    Args:
        resampled: The means, shape [replicates, ...].
        least: The smallest accuracy of a question, of the trailing shape.
        most: The largest, of the trailing shape.
        questions: Their number.
        level: Coverage of the interval.
    """
    low, high = percentile_interval(resampled, level)
    for value in (0, 1):
        same = (np.asarray(least) == value) & (np.asarray(most) == value)
        bottom, top = wilson_interval(value * questions, questions, level)
        low, high = np.where(same, bottom, low), np.where(same, top, high)
    return np.asarray(low), np.asarray(high)


def bootstrap_ratio_interval(
    num: ArrayLike, den: ArrayLike, weights: Weights, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the percentile interval of mean(num) / mean(den) over questions, for each trailing column.

    Args:
        num: One numerator per question (such as the tokens of one strategy), shape [questions, ...].
        den: One denominator per question (such as the tokens of the baseline), shape [questions, ...].
        weights: The shares of the questions in each resample, shape [replicates, questions].
        level: Coverage of the two-sided interval, in (0, 1).

    Returns:
        The lower and the upper end, each of the trailing shape.

    Raises:
        InputError: As ``bootstrap_interval``, or if the mean of ``den`` is not positive in some resample.

    Source:
        Efron and Tibshirani 1993, chapter 13 (percentile interval).
    """
    if np.shape(num) != np.shape(den):
        raise InputError(
            f"A ratio needs one numerator per denominator, got shapes {np.shape(num)} and {np.shape(den)}: pair them."
        )
    return percentile_ratio(_resampled(num, weights), _resampled(den, weights), level)


def non_inferior(diff_low: float, margin: float) -> bool:
    """Return whether a strategy is shown to be at most ``margin`` worse than the baseline.

    Args:
        diff_low: Lower end of the interval of (strategy - baseline), in the units of the margin.
        margin: The accepted loss, >= 0, fixed before looking at the data.

    Returns:
        True if diff_low > -margin.

    Raises:
        InputError: If the margin is negative or a number is NaN.

    Source:
        ICH E9 1998, section 3.3.2.
    """
    if not margin >= 0 or math.isnan(diff_low):
        raise InputError(
            f"Non-inferiority needs a lower bound and a margin of at least 0, got {diff_low} and {margin}: "
            "give the accepted loss as a positive number."
        )
    return bool(diff_low > -margin)


def holm(pvalues: ArrayLike) -> Floats:
    """Return the p-values adjusted so that rejecting those <= alpha keeps the family-wise error at alpha.

    Args:
        pvalues: One p-value per comparison, in [0, 1], shape [comparisons].

    Returns:
        Adjusted p-values in [0, 1], in the order given, shape [comparisons].

    Raises:
        InputError: If a value is not in [0, 1].

    Source:
        Holm 1979.
    """
    p = np.asarray(pvalues, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise InputError(
            f"Holm's method needs a list of p-values in [0, 1], got {p.tolist()}: give one per comparison."
        )
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of one proportion, usable for few trials and for 0 or n successes.

    Args:
        successes: Successful trials, in [0, n].
        n: Trials, >= 1.
        level: Coverage of the two-sided interval, in (0, 1).

    Returns:
        The lower and the upper end, in [0, 1].

    Raises:
        InputError: If a number is out of range.

    Source:
        Wilson 1927.
    """
    if n < 1 or not 0 <= successes <= n:
        raise InputError(f"A proportion needs 0 <= successes <= n and n >= 1, got {successes} of {n}: check the order.")
    interval = binomtest(successes, n).proportion_ci(checked_level(level), method="wilson")
    return float(interval.low), float(interval.high)


def clustered_standard_error(values: ArrayLike, clusters: Sequence[object] | NDArray[np.generic]) -> float:
    """Return the standard error of a mean whose rows come in dependent groups, such as the samples of a question.

    Args:
        values: One value per row, shape [rows].
        clusters: The group of each row, labels of one sortable type, shape [rows]; at least 2 groups.

    Returns:
        The standard error, in the units of the values; with one row per group it is the usual s / sqrt(rows).

    Raises:
        InputError: If the shapes differ, a value is not finite or there are fewer than 2 groups.

    Source:
        Miller 2024 (arXiv 2411.00640), clustered standard errors: SE^2 of the central limit theorem plus
        sum over groups and i != j of (s_i - mean)(s_j - mean) / n^2.
    """
    x, labels = np.asarray(values, dtype=np.float64), np.asarray(clusters)
    if x.ndim != 1 or x.shape != labels.shape:
        raise InputError(
            f"A clustered error needs one group label per value, got shapes {x.shape} and {labels.shape}: pair them."
        )
    if not np.all(np.isfinite(x)):
        raise InputError("A clustered error needs finite values, got NaN or infinity: leave those rows out.")
    names, group = np.unique(labels, return_inverse=True)
    if len(names) < 2:
        raise InputError(
            f"A clustered error needs at least 2 groups, got {len(names)}: give each row its group's label."
        )
    n = len(x)
    centred = x - x.mean()
    own = float(centred @ centred)
    within = float(np.sum(np.bincount(group, weights=centred) ** 2)) - own
    return math.sqrt(max(0.0, own / (n * (n - 1)) + within / n**2))


def _resampled(values: ArrayLike, weights: Weights) -> Floats:
    """Return the mean of each column in each resample, shape [replicates, ...]."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim == 0 or len(weights.shape) != 2 or len(x) != weights.shape[1]:
        raise InputError(
            f"A bootstrap needs values [questions, ...] and weights [replicates, questions], got shapes {x.shape} and "
            f"{weights.shape}: make the weights for the same questions."
        )
    if not np.all(np.isfinite(x)):
        raise InputError("A bootstrap needs a finite value for every question, got NaN or infinity: leave those out.")
    return np.asarray((weights @ x.reshape(len(x), -1)).reshape(-1, *x.shape[1:]))
