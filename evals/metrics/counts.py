"""Counts: what every metric of a confidence is computed from.

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
    """What a set of samples, or each of several resamples of it, holds; every metric is a function of this.

    Attributes:
        values: the distinct confidences, ascending, [values].
        total: samples at each confidence, whole numbers, [resamples, values].
        right: correct ones among them, [resamples, values].
        pairs: pairs of a correct and a wrong sample of one question, [resamples].
        won: those in which the correct one has the higher confidence, ties half, [resamples].
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
        """How many samples there are, [resamples, 1]."""
        return np.asarray(self.total.sum(axis=1, keepdims=True))

    @staticmethod
    def of(judged: ScoredSamples) -> Counts:
        """The counts of the samples as they are: one row."""
        (counts,) = resampled(judged, np.ones((1, judged.questions)))
        return counts


def resampled(judged: ScoredSamples, times: Floats) -> Iterator[Counts]:
    """The counts of resamples that hold each question a number of times, in chunks of rows.

    Args:
        judged: The samples.
        times: How often each question is drawn, whole numbers, [resamples, questions].

    Yields:
        Counts of consecutive rows of ``times``, few enough at a time to bound memory.
    """
    order = np.argsort(judged.confidence, kind="stable")
    values, starts = np.unique(judged.confidence[order], return_index=True)
    question, correct = judged.question[order], judged.correct[order].astype(np.float64)
    pairs, won = _pairs(judged)
    rows = min(_ROWS, max(1, _CHUNK // len(order)))
    for start in range(0, len(times), rows):
        block = times[start : start + rows]
        drawn = np.take(block, question, axis=1)
        total = np.add.reduceat(drawn, starts, axis=1)
        drawn *= correct
        yield Counts(values, total, np.add.reduceat(drawn, starts, axis=1), block @ pairs, block @ won)


def _pairs(judged: ScoredSamples) -> tuple[Floats, Floats]:
    """Of each question, the pairs of a correct and a wrong sample, and those won (ties half), [questions] each."""
    order = np.lexsort((judged.confidence, judged.question))
    question, score = judged.question[order], judged.confidence[order]
    right = judged.correct[order].astype(np.float64)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(question) != 0) | (np.diff(score) != 0)
    starts = np.flatnonzero(new)  # of the groups of equal confidence within a question
    owner = question[starts]
    hits, misses = np.add.reduceat(right, starts), np.add.reduceat(1 - right, starts)
    size = judged.questions
    rights: Floats = np.bincount(owner, weights=hits, minlength=size).astype(np.float64)
    wrongs: Floats = np.bincount(owner, weights=misses, minlength=size).astype(np.float64)
    earlier = np.cumsum(wrongs) - wrongs  # wrong samples of the questions before this one
    below = np.cumsum(misses) - misses - earlier[owner]
    won: Floats = np.bincount(owner, weights=hits * (below + misses / 2), minlength=size).astype(np.float64)
    return rights * wrongs, won
