"""Counts of samples by confidence, from which every metric of a confidence is computed.

They hold how many samples and how many correct ones each distinct confidence has, in the data or in bootstrap resamples
of its questions. The order of the samples is gone, so ties and permutations cannot change a metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.metrics.scored import ScoredSamples

Floats = NDArray[np.float64]

_CHUNK = 2_000_000  # resampled samples held at a time
_ROWS = 1000  # resamples held at a time, at most


@dataclass(frozen=True, eq=False)
class Counts:
    """The samples and correct samples at each confidence, of a set of samples or of several resamples of it.

    Attributes:
        values: the distinct confidences, ascending, [values].
        total: samples at each confidence, whole numbers, [resamples, values].
        right: correct ones among them, [resamples, values].
        pairs: the number of pairs of a correct and a wrong sample of one question, [resamples].
        won: the pairs whose correct sample has the higher confidence, ties counting half, [resamples].
    """

    values: Floats
    total: Floats
    right: Floats
    pairs: Floats
    won: Floats

    @property
    def wrong(self) -> Floats:
        """Wrong samples at each confidence, [resamples, values]."""
        return self.total - self.right

    @property
    def samples(self) -> Floats:
        """The number of samples, [resamples, 1]."""
        return np.asarray(self.total.sum(axis=1, keepdims=True))

    @staticmethod
    def of(samples: ScoredSamples) -> Counts:
        """Return the counts of the samples as they are: one row."""
        (counts,) = resampled(samples, np.ones((1, samples.questions)))
        return counts


def resampled(samples: ScoredSamples, times: Floats) -> Iterator[Counts]:
    """Yield the counts of resamples that hold each question a number of times, in chunks of rows.

    Args:
        samples: The samples.
        times: The number of times that each question is drawn, whole numbers, [resamples, questions].

    Yields:
        Counts of consecutive rows of ``times``, as many at a time as memory allows.
    """
    order = np.argsort(samples.confidence, kind="stable")
    values, starts = np.unique(samples.confidence[order], return_index=True)
    question, correct = samples.question[order], samples.correct[order].astype(np.float64)
    pairs, won = _pairs(samples)
    rows = min(_ROWS, max(1, _CHUNK // len(order)))
    for start in range(0, len(times), rows):
        block = times[start : start + rows]
        drawn = np.take(block, question, axis=1)
        total = np.add.reduceat(drawn, starts, axis=1)
        drawn *= correct
        yield Counts(values, total, np.add.reduceat(drawn, starts, axis=1), block @ pairs, block @ won)


def _pairs(samples: ScoredSamples) -> tuple[Floats, Floats]:
    """Return the pairs of a correct and a wrong sample of each question, and those won, ties half, [questions] each."""
    order = np.lexsort((samples.confidence, samples.question))
    question, score = samples.question[order], samples.confidence[order]
    right = samples.correct[order].astype(np.float64)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(question) != 0) | (np.diff(score) != 0)
    starts = np.flatnonzero(new)  # of the groups of equal confidence within a question
    owner = question[starts]
    hits, misses = np.add.reduceat(right, starts), np.add.reduceat(1 - right, starts)
    size = samples.questions
    rights: Floats = np.bincount(owner, weights=hits, minlength=size).astype(np.float64)
    wrongs: Floats = np.bincount(owner, weights=misses, minlength=size).astype(np.float64)
    earlier = np.cumsum(wrongs) - wrongs  # wrong samples of the questions before this one
    below = np.cumsum(misses) - misses - earlier[owner]
    won: Floats = np.bincount(owner, weights=hits * (below + misses / 2), minlength=size).astype(np.float64)
    return rights * wrongs, won
