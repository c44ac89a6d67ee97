"""Logistic regression, small and exact: the log loss, its minimiser, and the smoothed targets that keep it finite.

Pure functions on arrays; what is fitted to what, and what it means, is the caller's business.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.special import expit

Floats = NDArray[np.float64]

EPS = 1e-12  # probabilities stay this far from 0 and 1, so that their log-odds are finite


def fit_logistic(
    design: Floats, targets: Floats, penalty: Floats | None = None, *, offset: Floats | None = None
) -> Floats:
    """The coefficients of least log loss; the problem is convex, and solved by Newton steps in a trust region.

    Args:
        design: one row a sample, [samples, features]; a column of ones is the intercept.
        targets: probabilities, [samples].
        penalty: of each coefficient, >= 0, [features]: adds penalty / 2 * coefficient^2 to the total log loss in nats;
            None penalises nothing.
        offset: added to each sample's log-odds, [samples]; None adds nothing.

    Returns:
        The coefficients, [features].
    """
    from scipy.optimize import minimize  # here, because importing it takes half a second

    n = len(targets)
    ridge = np.zeros(design.shape[1]) if penalty is None else penalty / n
    given = np.zeros(n) if offset is None else offset

    def gradient(theta: Floats) -> Floats:
        return np.asarray(design.T @ (expit(design @ theta + given) - targets) / n + ridge * theta)

    def hessian(theta: Floats) -> Floats:
        p = expit(design @ theta + given)
        return np.asarray((design * (p * (1 - p))[:, None]).T @ design / n + np.diag(ridge))

    def loss(theta: Floats) -> float:
        return log_loss(design @ theta + given, targets) + float(ridge @ theta**2) / 2

    found = minimize(
        loss,
        np.zeros(design.shape[1]),
        method="trust-exact",
        jac=gradient,
        hess=hessian,
        options={"gtol": 1e-10},
    )
    return np.asarray(found.x, dtype=np.float64)


def log_loss(logits: Floats, targets: Floats) -> float:
    """The mean log loss of these logits, in nats."""
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))


def smoothed(correct: Floats) -> Floats:
    """Platt's targets for marks of 0 and 1: (N+ + 1) / (N+ + 2) for a correct sample, 1 / (N- + 2) for a wrong one."""
    right = correct.sum()
    return np.asarray(np.where(correct > 0, (right + 1) / (right + 2), 1 / (len(correct) - right + 2)))


def logit(p: Floats) -> Floats:
    """Return the log-odds of probabilities, which are moved inside [1e-12, 1 - 1e-12] first."""
    return np.asarray(special.logit(np.clip(p, EPS, 1 - EPS)))
