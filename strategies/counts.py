"""Functions of vote counts, tabulated once: leader probabilities and e-values.

Pure mathematics on counts; this module knows nothing about strategies. Integer arguments, single or arrays, are looked
up; anything else is computed directly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, gammainc, gammaln

LN2 = float(np.log(2.0))
LOG_INTEGER = np.concatenate([[0.0], np.log(np.arange(1.0, 4097.0))])
"""``log(m)``, and 0 for m = 0."""


TABLED = 1 << 10
"""Counts below it are tabulated; a table of larger ones would not fit into memory."""


class CountTable:
    """A function ``f(a, b)`` of two counts, tabulated for small integers; the table doubles when a larger one comes."""

    def __init__(self, f: Callable[[Any, Any], Any]) -> None:
        """Wrap ``f``, a vectorised function of two non-negative arrays."""
        self._f = f
        self._made: tuple[int, NDArray[np.float64], list[float]] = (0, np.empty(0), [])

    def __call__(self, a: Any, b: Any) -> Any:
        """Return ``f(a, b)``, looked up for integers below ``TABLED``, else computed; shape as the arguments."""
        if isinstance(a, int):
            if (top := max(a, int(b))) >= TABLED:
                return float(self._f(float(a), float(b)))
            size, _, flat = self._up_to(top)
            return flat[a * size + b]
        if isinstance(a, np.ndarray) and a.dtype.kind in "iu":
            if (top := int(max(a.max(initial=0), b.max(initial=0)))) >= TABLED:
                return self._f(a.astype(np.float64), np.asarray(b, dtype=np.float64))
            size, table, _ = self._up_to(top)
            index = a.astype(np.intp)
            index *= size
            index += b
            return table.take(index)
        return self._f(a, b)

    def _up_to(self, top: int) -> tuple[int, NDArray[np.float64], list[float]]:
        """Return a table that is large enough; one assignment replaces it, so threads never see half of it."""
        if top >= self._made[0]:
            size = 1 << max(6, (top + 1).bit_length())
            axis = np.arange(size, dtype=np.float64)
            table = np.asarray(self._f(axis[:, None], axis[None, :])).ravel()
            self._made = size, table, table.tolist()
        return self._made


def _upper_half(a: Any, b: Any) -> Any:
    """Return P(theta > 1/2) for theta ~ Beta(a, b), by symmetry the lower half of Beta(b, a), which is faster."""
    return betainc(b, a, 0.5)


def _leader(a: Any, b: Any) -> Any:
    return _upper_half(a + 1.0, b + 1.0)


def _log_e_two_sided(a: Any, b: Any) -> Any:
    return (a + b) * LN2 + betaln(a + 1.0, b + 1.0)


def _log_e_one_sided(a: Any, b: Any) -> Any:
    with np.errstate(divide="ignore"):
        return _log_e_two_sided(a, b) + LN2 + np.log(_leader(a, b))


def truncated_beta_mean(a: Any, b: Any) -> Any:
    """Return the posterior mean of theta after a wins and b losses, prior Beta(1/2, 1/2) truncated to (1/2, 1)."""
    tail = _upper_half(a + 0.5, b + 0.5)
    mean = (a + 0.5) / (a + b + 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = mean * _upper_half(a + 1.5, b + 0.5) / tail
    return np.clip(np.where(tail > 0, q, 0.5), 0.5, 1.0 - 1e-12)


leader_probability = CountTable(_leader)
"""P(theta > 1/2 | a, b) under a flat Beta prior, ``1 - I_1/2(a + 1, b + 1)`` (Adaptive-Consistency, 2305.11860)."""

log_e_two_sided = CountTable(_log_e_two_sided)
"""Log e-value ``2^(a+b) B(a+1, b+1)`` against theta = 1/2, uniform mixture (PPR, 2109.05047)."""

log_e_one_sided = CountTable(_log_e_one_sided)
"""Log e-value against theta <= 1/2: the mixture uniform on (1/2, 1] (CITE, 2605.05873; methods note 4.1)."""

log_win_bet = CountTable(lambda a, b: np.log(2.0 * truncated_beta_mean(a, b)))
"""Log of ``2q``, the payoff of a win after a wins and b losses; q is :func:`truncated_beta_mean` (2510.17472,
algorithm 1)."""

log_loss_bet = CountTable(lambda a, b: np.log(2.0 * (1.0 - truncated_beta_mean(a, b))))
"""Log of ``2(1 - q)``, the payoff of a loss."""

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(160)


@lru_cache(maxsize=1 << 12)
def _leader_nodes(lead: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes over the bulk of Gamma(lead + 1), and its density there times the quadrature weights."""
    shape = lead + 1.0
    spread = 12.0 * np.sqrt(shape) + 24.0
    low, high = max(0.0, shape - spread), shape + spread
    x = low + (high - low) * (_NODES + 1.0) / 2.0
    return x, _NODE_WEIGHTS * np.exp(lead * np.log(x) - x - gammaln(shape)) * (high - low) / 2.0


@lru_cache(maxsize=1 << 14)
def _below_leader(lead: int, votes: int) -> NDArray[np.float64]:
    """Return P(Gamma(votes + 1) < x) at the leader's nodes."""
    return np.asarray(gammainc(votes + 1.0, _leader_nodes(lead)[0]))


@lru_cache(maxsize=1 << 17)
def dirichlet_leader_probability(counts: tuple[int, ...]) -> float:
    """Return P(the most counted answer is the most probable one) under a flat Dirichlet prior, exactly.

    This is the one-dimensional integral over the leader's Gamma variate (Adaptive-Consistency, 2305.11860, Dirichlet
    rule), ``int g_{v1+1}(x) prod_j G_{vj+1}(x) dx``, by Gauss-Legendre quadrature. With two answers it is the Beta
    rule; with one, an unseen rival without votes competes, so a lone answer is not certain.

    Args:
        counts: votes of each answer, sorted in decreasing order.
    """
    if len(counts) <= 2:
        return float(leader_probability(*(*counts, 0, 0)[:2]))
    lead, *rivals = counts
    product = _leader_nodes(lead)[1]
    for votes in rivals:
        product = product * _below_leader(lead, votes)
    return float(product.sum())
