"""Bins of confidences: of equal width, or of equally many samples; shared by the metrics that bin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.metrics.counts import Counts
from tts.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

BINS = 15
"""Bins of every binned metric, as in Guo et al. 2017."""


def equal_width(values: Floats, bins: int) -> Ints:
    """Return the bin of each value in [0, 1], [values]: bin b is ((b - 1) / bins, b / bins], and the first holds 0.

    The edges are the floats nearest to b / bins, as a decimal such as 0.6 is.
    """
    return np.maximum(np.searchsorted(np.arange(bins + 1) / bins, values, side="left") - 1, 0)


def equal_mass(counts: Counts, bins: int) -> Ints:
    """Return the bin of each value in each resample, [R, values].

    All samples of one confidence lie in the bin of their middle rank, floor(bins (N + m / 2) / n) for m samples that
    follow N of n. The bins are exact, because all numbers are whole.
    """
    twice = 2 * np.cumsum(counts.total, axis=1) - counts.total
    return np.minimum(bins * twice / (2 * counts.samples), bins - 1).astype(np.intp)


def by_bin(amounts: Floats, where: Ints, bins: int) -> Floats:
    """Return the sums of amounts [R, values] over bins, [R, bins]."""
    rows = len(amounts)
    cells = where + bins * np.arange(rows)[:, None]
    flat = np.bincount(cells.ravel(), weights=amounts.ravel(), minlength=rows * bins)
    return flat.astype(np.float64).reshape(rows, bins)


def check_bins(bins: int) -> None:
    """Refuse fewer than one bin.

    Raises:
        InputError: If ``bins`` < 1.
    """
    if bins < 1:
        raise InputError(f"A binned metric needs at least 1 bin, got {bins}: give for example 15.")


def checked_probabilities(counts: Counts) -> Floats:
    """Return the distinct confidences, [values].

    Raises:
        InputError: If one is outside [0, 1].
    """
    low, high = float(counts.values[0]), float(counts.values[-1])
    if low < 0 or high > 1:
        raise InputError(
            f"A calibration metric needs probabilities in [0, 1], got scores from {low:g} to {high:g}: "
            "map them to probabilities first."
        )
    return counts.values
