"""Percentile intervals from the values of a statistic in the resamples of a bootstrap. Knows only arrays.

Source:
    Efron and Tibshirani 1993, chapter 13 (percentile interval).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError

Floats = NDArray[np.float64]


def percentile_interval(resampled: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile interval of a statistic, for each trailing column.

    Args:
        resampled: Its values in the resamples, shape [replicates, ...].
        level: Coverage of the two-sided interval, in (0, 1).

    Raises:
        InputError: If the level is out of range.
    """
    tail = (1 - checked_level(level)) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return np.asarray(low), np.asarray(high)


def percentile_test(resampled: Floats, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Return the percentile interval of a statistic, and the two-sided p-value of "it is 0".

    The p-value is 1 minus the largest level at which the interval leaves out 0.

    Args:
        resampled: Its values in the resamples, shape [replicates, ...].
        level: Coverage of the interval.

    Returns:
        The lower end, the upper end and the p-value, in [1 / replicates, 1].
    """
    low, high = percentile_interval(resampled, level)
    ordered = np.sort(resampled.reshape(len(resampled), -1), axis=0)
    p = np.array([min(1.0, 2.0 * min(_share_below(column), _share_below(-column[::-1]))) for column in ordered.T])
    return low, high, np.maximum(p, 1 / len(resampled)).reshape(low.shape)


def percentile_ratio(above: Floats, below: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the percentile interval of a ratio of two statistics.

    Args:
        above: The numerators in the resamples, shape [replicates, ...].
        below: The denominators, the same shape.
        level: Coverage of the interval.

    Raises:
        InputError: If a denominator is not positive.
    """
    if np.any(below <= 0):
        raise InputError(
            f"A ratio needs a denominator above 0 in every resample, got {float(below.min()):g} in the smallest: "
            "compare differences instead."
        )
    return percentile_interval(above / below, level)


def checked_level(level: float) -> float:
    """Return the level of an interval, or refuse one that is not in (0, 1)."""
    if not 0 < level < 1:
        raise InputError(f"A confidence level is between 0 and 1, got {level}: give for example 0.95.")
    return level


def _share_below(ordered: Floats) -> float:
    """Return the probability at which the quantile function of sorted values passes 0, 1 where it never does."""
    below, size = int(np.searchsorted(ordered, 0.0, side="right")), len(ordered)
    if below in (0, size):
        return float(below > 0)
    return float((below - 1 - ordered[below - 1] / (ordered[below] - ordered[below - 1])) / (size - 1))
