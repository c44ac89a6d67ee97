"""Reliability diagrams: accuracy against confidence, bin by bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.metrics.binning import BINS, check_bins, equal_mass
from evals.metrics.counts import Counts
from evals.metrics.scored import ScoredSamples

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram.

    Attributes:
        low: the least confidence in it.
        high: the greatest confidence in it.
        confidence: the mean confidence.
        accuracy: the share of correct samples.
        accuracy_ci: the 95 % interval of the accuracy; None in a bin of one question.
        samples: the number of samples.
        questions: the number of questions that have a sample in it.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    accuracy_ci: tuple[float, float] | None
    samples: int
    questions: int


def reliability_bins(samples: ScoredSamples, weights: Floats, bins: int = BINS) -> list[Bin]:
    """Return the bins of a reliability diagram, equal-mass, with 95 % intervals over resampled questions.

    Args:
        samples: The samples; any real scores.
        weights: Shares of the questions in each resample, as :func:`evals.metrics.stats.bootstrap_weights` gives them,
            [replicates, questions].
        bins: The number of bins, >= 1; ties may leave fewer.

    Returns:
        The bins that hold samples, by ascending confidence; the interval is None in a bin of one question. The bins
        stay the same in all resamples; a resample without samples in a bin does not count there.

    Raises:
        InputError: If ``bins`` < 1.

    Source:
        DeGroot and Fienberg 1983; intervals by the percentile bootstrap over questions.
    """
    counts = Counts.of(samples)
    check_bins(bins)
    where = equal_mass(counts, bins)[0][np.searchsorted(counts.values, samples.confidence)]
    cells = samples.question * bins + where
    shape = (samples.questions, bins)
    size = np.bincount(cells, minlength=shape[0] * bins).reshape(shape).astype(np.float64)
    right = np.bincount(cells, weights=samples.correct, minlength=shape[0] * bins).reshape(shape)
    below = weights @ size
    shares = np.divide(weights @ right, below, out=np.full_like(below, np.nan), where=below > 0)
    found = []
    for b in np.flatnonzero(size.sum(axis=0)):
        inside, questions = samples.confidence[where == b], int(np.count_nonzero(size[:, b]))
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
