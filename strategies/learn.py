"""Parameters computed from labelled samples of questions that are not scored: pure functions of scores and grades."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def standardisation(confidence: Array) -> dict[str, float]:
    """Return mean and standard deviation of the confidences, for :class:`~strategies.weighting.SoftCount`.

    Args:
        confidence: confidences of parsed samples, [n].
    """
    scale = float(confidence.std())
    return {"mean": float(confidence.mean()), "scale": scale if scale > 0 else 1.0}


def gate_for_precision(confidence: Array, correct: Array, target: float) -> float:
    """Return the lowest threshold such that samples with at least that confidence are right at rate ``target`` or more.

    This is ReASC's offline gate (2601.02970). It is infinite if no threshold reaches the target.

    Args:
        confidence: confidences of parsed samples, [n].
        correct: True for each right sample, [n].
        target: required accuracy of the accepted samples, in (0, 1].
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    precision = np.cumsum(correct[order]) / np.arange(1, len(ranked) + 1)
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    reaching = np.flatnonzero(last_of_tie & (precision >= target))
    return float(ranked[reaching[-1]]) if len(reaching) else float("inf")


def reservation_value(confidence: Array, cost: float) -> float:
    """Return the value v at which one more draw is worth its cost: ``mean((c - v)^+) = cost`` (Weitzman; 2510.01394).

    Args:
        confidence: confidences of parsed samples, an estimate of their distribution, [n].
        cost: cost of one draw in units of P(correct), in (0, 1).

    Returns:
        The fair-cap value; it is negative if a draw costs more than it can gain.
    """
    ranked = np.sort(confidence)[::-1]
    n = len(ranked)
    # With k values above v the equation is linear: sum of the k largest - k v = n cost.
    v = (np.cumsum(ranked) - n * cost) / np.arange(1, n + 1)
    below = np.append(ranked[1:], -np.inf)
    return float(v[np.flatnonzero(v >= below)[0]])
