"""A linear probe: from a hidden state to the log-odds of being right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts.logistic import fit_logistic

Floats = NDArray[np.float64]

RIDGE = 10.0
"""Penalty on each standardised weight, in nats of the total log loss: a hidden state has hundreds of directions."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A fitted probe; see :func:`fit_probe`.

    Attributes:
        mean: of each direction, [width].
        weights: of each direction, [width].
        intercept: the log-odds at the mean.
    """

    mean: Floats
    weights: Floats
    intercept: float

    def log_odds(self, hidden: Floats) -> Floats:
        """Return the log-odds of being right, [responses], of hidden states [responses, width]."""
        return np.asarray((hidden - self.mean) @ self.weights + self.intercept)


def fit_probe(hidden: Floats, correct: NDArray[np.bool_] | Floats, *, ridge: float = RIDGE) -> Probe:
    """Return the probe fitted by penalised logistic regression on standardised hidden states.

    Args:
        hidden: [responses, width].
        correct: [responses]; or probabilities.
        ridge: penalty on each standardised weight, in nats of the total log loss, > 0.
    """
    mean, scale = hidden.mean(axis=0), hidden.std(axis=0)
    scale[scale == 0] = 1.0
    design = np.column_stack([(hidden - mean) / scale, np.ones(len(hidden))])
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 0.0
    found = fit_logistic(design, correct.astype(np.float64), penalty)
    return Probe(mean, found[:-1] / scale, float(found[-1]))
