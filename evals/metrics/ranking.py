"""Metrics that read only the order of confidences: do correct samples rank above wrong ones?

They need no probabilities, so raw scores will do, and a strictly increasing map changes none of them. Each takes
``Counts`` of R resamples and returns one number a resample; a metric that a resample does not define is NaN there,
never a neutral value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.metrics.counts import Counts
from tts.errors import InputError

Floats = NDArray[np.float64]


def auroc(counts: Counts) -> Floats:
    """Return the probability that a correct sample has a higher confidence than a wrong one, ties counting half.

    Args:
        counts: Of R resamples.

    Returns:
        Values in [0, 1], 0.5 for no information, NaN without a correct or without a wrong sample, shape [R].

    Source:
        The area under the ROC curve as the Mann-Whitney statistic; Hanley and McNeil 1982.
    """
    wrong = counts.wrong
    below = np.cumsum(wrong, axis=1) - wrong
    won = np.sum(counts.right * (below + wrong / 2), axis=1)
    return _ratio(won, counts.right.sum(axis=1) * wrong.sum(axis=1))


def auprc(counts: Counts) -> Floats:
    """Return the average precision of finding the correct samples: precision weighted by the recall that it adds.

    Samples of equal confidence share a threshold, and nothing is interpolated.

    Args:
        counts: Of R resamples.

    Returns:
        Values in [0, 1], near the base accuracy for no information, NaN without a correct sample, shape [R].

    Source:
        Davis and Goadrich 2006 on why not to interpolate; the same definition as scikit-learn's.
    """
    found, taken = _from_the_top(counts.right), _from_the_top(counts.total)
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return _ratio(np.sum(precision * counts.right[:, ::-1], axis=1), counts.right.sum(axis=1))


def within_question_auroc(counts: Counts) -> Floats:
    """Return the probability that a correct sample has a higher confidence than a wrong one of the same question.

    The pairs of all questions are pooled and ties count half. Votes and reranking can use this discrimination, while
    ``auroc`` also rewards separating easy questions from hard ones.

    Args:
        counts: Of R resamples.

    Returns:
        Values in [0, 1], 0.5 for no information, NaN where no question has both, shape [R].

    Source:
        Within-question discrimination of CISC (Taubenfeld et al. 2025, arXiv 2502.06233), there without ties.
    """
    return _ratio(counts.won, counts.pairs)


def aurc(counts: Counts) -> Floats:
    """Return the area under the risk-coverage curve: the mean error rate of the k most confident samples over k = 1..n.

    Samples of equal confidence come in any order with equal probability, and the value is the exact mean over these
    orders: (1/n) sum over tied groups of E (H_(N+m) - H_N) + (w/m) (m - N (H_(N+m) - H_N)), where m samples, w of them
    wrong, follow N samples with E wrong, and H is the harmonic number.

    Args:
        counts: Of R resamples.

    Returns:
        Values in [0, 1], the error rate for no information, shape [R].

    Source:
        Geifman and El-Yaniv 2017 (arXiv 1705.08500); Geifman et al. 2019 (arXiv 1805.08206).
    """
    size = counts.total[:, ::-1]
    wrong = counts.wrong[:, ::-1]
    after = np.cumsum(size, axis=1)
    before, errors = after - size, np.cumsum(wrong, axis=1) - wrong
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, after[:, -1].max() + 1))])
    rise = harmonic[after.astype(np.intp)] - harmonic[before.astype(np.intp)]
    share = np.divide(wrong, size, out=np.zeros_like(wrong), where=size > 0)
    return np.asarray(np.sum(errors * rise + share * (size - before * rise), axis=1) / after[:, -1])


def optimal_aurc(counts: Counts) -> Floats:
    """Return the least AURC that the same samples could have: an oracle ranks every correct sample first.

    Args:
        counts: Of R resamples.

    Returns:
        Values in [0, 1], shape [R]; about e + (1 - e) ln(1 - e) for many samples of error rate e.

    Source:
        Geifman et al. 2019 (arXiv 1805.08206), the optimal curve that excess AURC is measured from.
    """
    right = counts.right.sum(axis=1)
    oracle = np.stack([counts.samples[:, 0] - right, right], axis=1)
    best = np.stack([np.zeros_like(right), right], axis=1)
    return aurc(Counts(np.array([0.0, 1.0]), oracle, best, counts.pairs, counts.won))


def selective_accuracy(counts: Counts, coverages: ArrayLike) -> Floats:
    """Return the accuracy of the most confident samples, where a share of all samples is answered.

    Samples of equal confidence are taken in equal parts, which is the mean over their orders.

    Args:
        counts: Of R resamples.
        coverages: Shares in (0, 1], shape [C].

    Returns:
        Accuracies in [0, 1], shape [R, C]; one minus the risk of the risk-coverage curve.

    Raises:
        InputError: If a coverage is out of range.

    Source:
        El-Yaniv and Wiener 2010, selective classification.
    """
    shares = np.atleast_1d(np.asarray(coverages, dtype=np.float64))
    if not np.all((shares > 0) & (shares <= 1)):
        raise InputError(f"Coverage is a share above 0 and at most 1, got {shares.tolist()}: give for example 0.5.")
    taken = np.pad(_from_the_top(counts.total), ((0, 0), (1, 0)))
    found = np.pad(_from_the_top(counts.right), ((0, 0), (1, 0)))
    out = np.empty((len(taken), len(shares)))
    for row, (x, y) in enumerate(zip(taken, found, strict=True)):
        wanted = shares * x[-1]
        out[row] = np.interp(wanted, x, y) / wanted
    return out


def optimal_selective_accuracy(counts: Counts, coverages: ArrayLike) -> Floats:
    """Return the accuracy that an oracle would have at each coverage, [R, C]; arguments as ``selective_accuracy``."""
    shares = np.atleast_1d(np.asarray(coverages, dtype=np.float64))
    accuracy = counts.right.sum(axis=1, keepdims=True) / counts.samples
    return np.asarray(np.minimum(1.0, accuracy / shares))


def _from_the_top(values: Floats) -> Floats:
    return np.cumsum(values[:, ::-1], axis=1)


def _ratio(num: Floats, den: Floats) -> Floats:
    return np.divide(num, den, out=np.full_like(den, np.nan), where=den > 0)
