"""AUROC: how often right samples rank above wrong ones; intervals and curves are in :mod:`evals.metrics.ranking`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def auroc(scores: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """P(a right sample scores above a wrong one), ties counting half, in [0, 1]; NaN where there are not both."""
    won, pairs = _won(scores, correct)
    return won / pairs if pairs else float("nan")


def within_auroc(scores: NDArray[np.float64], correct: NDArray[np.bool_], question: NDArray[np.int64]) -> float:
    """The same over pairs of a right and a wrong sample of one question only; NaN where there is no such pair.

    Args:
        scores: high where right, [samples].
        correct: [samples].
        question: number of each sample's question, [samples].

    Source:
        Within-question discrimination: CISC, arXiv 2502.06233, section 3.
    """
    order = np.argsort(question, kind="stable")
    starts = np.flatnonzero(np.diff(question[order])) + 1
    each = [_won(scores[rows], correct[rows]) for rows in np.split(order, starts)]
    pairs = sum(pairs for _, pairs in each)
    return sum(won for won, _ in each) / pairs if pairs else float("nan")


def _won(scores: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[float, int]:
    """Pairs won by the right sample, ties counting half, and all pairs."""
    right, wrong = np.sort(scores[correct]), np.sort(scores[~correct])
    below, upto = np.searchsorted(wrong, right, side="left"), np.searchsorted(wrong, right, side="right")
    return float((below + upto).sum()) / 2, len(right) * len(wrong)
