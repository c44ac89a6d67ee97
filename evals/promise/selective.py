"""Selection with guaranteed risk: the boldest threshold at which few of the answers let through are wrong.

The risk of a threshold t is ``R(t) = P(wrong | score >= t)``. Given that k of n i.i.d. questions reach a *fixed* t,
their wrong answers are Binomial(k, R(t)), so that ``P(Binomial(k, alpha) <= wrong)`` is a p-value of "R(t) > alpha",
whatever the score. Learn then Test (Angelopoulos et al., arXiv 2110.01052) tests thresholds one after another in an
order that is fixed beforehand, each at level delta, and ends at the first that is not rejected. The first threshold in
that order with R(t) > alpha must pass its own test for anything to go wrong, so

    P(some accepted t has R(t) > alpha) <= delta,

for every score and every distribution, with ties, and whether or not R is monotone.

An order that begins at the most cautious threshold never gets beyond its first test: of the handful that are let
through there, even no wrong answer is no evidence (without an error ``(1 - alpha)^k <= delta`` needs k = 22 at .1 and
.1). One that begins where the *tested* questions look best is no fixed order, and breaks the guarantee. So the
questions are split at random: a fifth of them, the pilot, gives the grid (its own scores) and the beginning (a
threshold whose test is most likely to pass, by the pilot's posterior of R(t)); from there the order goes on to ever
bolder thresholds. The other four fifths are tested. Given the pilot the order is fixed, and the tested questions are
i.i.d., so the statement above holds given every pilot, and therefore at all.

Other ways lose more. Several fixed beginnings that share delta, or a bound for every threshold at once (Geifman and
El-Yaniv, arXiv 1705.08500, delta / log2 n each), pay with the level of each test more than a fifth of the questions is
worth. Beginning at the threshold that lets through k of the tested questions themselves is valid where R is monotone
and scores have no ties, but not for every score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri
from scipy.stats import binom

from tts.errors import InputError

Array = NDArray[Any]

PILOT = 0.2
"""The share of the questions that decides the order of the tests."""
NEARLY = 0.05
"""The tests begin at the most cautious threshold whose chance to pass is at most this below the highest one."""
_NODES = (np.arange(20) + 0.5) / 20
"""Probabilities whose quantiles stand for a posterior."""
_SURE = 0.8
"""The chance to pass with which a number of questions "would do", and the quantile of the risk that it is for."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A threshold that passed.

    Attributes:
        threshold: answers with at least this score are let through.
        tested: questions that were tested, without the pilot.
        let_through: of those, the ones let through.
        wrong: of these, the wrong ones.
    """

    threshold: float
    tested: int
    let_through: int
    wrong: int


def select(scores: ArrayLike, right: ArrayLike, *, alpha: float, delta: float, seed: int = 0) -> Selection | None:
    """Return the boldest threshold that passes.

    Args:
        scores: of one answer a question, [questions]; NaN where none may be let through.
        right: whether it is right, booleans, [questions].
        alpha: the largest share of wrong answers among those let through, in (0, 1).
        delta: the probability, over the questions, with which it may be larger, in (0, 1).
        seed: decides the pilot.

    Returns:
        The selection; None where the first threshold in the order does not pass.

    Raises:
        InputError: levels outside (0, 1), or arrays of different shapes.

    Source:
        Angelopoulos et al. 2110.01052, fixed-sequence testing; the pilot is ours.
    """
    values, marks = _checked(scores, right, alpha, delta)
    order = np.random.default_rng(seed).permutation(len(values))
    pilot, tested = np.split(order, [math.ceil(PILOT * len(values))])
    grid = np.unique(values[pilot])[::-1]
    grid = grid[~np.isnan(grid)]
    if not len(grid) or not len(tested):
        return None
    seen, wrong = _let_through(values[pilot], marks[pilot], grid)
    power = _power(seen, wrong, len(tested) / len(pilot), alpha, delta)
    begin = int(np.argmax(power >= power.max() - NEARLY))
    kept, lost = _let_through(values[tested], marks[tested], grid[begin:])
    passed = np.asarray(binom.cdf(lost, kept, alpha) <= delta)
    count = len(passed) if passed.all() else int(np.argmin(passed))
    if not count:
        return None
    return Selection(float(grid[begin + count - 1]), len(tested), int(kept[count - 1]), int(lost[count - 1]))


def least_answers(alpha: float, delta: float) -> int:
    """Return how many answers must be let through for any threshold to pass, all of them right."""
    return math.ceil(math.log(delta) / math.log1p(-alpha))


def least_questions(alpha: float, delta: float) -> int:
    """Return how many questions there must be for any threshold to pass: all tested ones let through, and right."""
    tested = least_answers(alpha, delta)
    total = math.floor(tested / (1.0 - PILOT))
    while total - math.ceil(PILOT * total) < tested:
        total += 1
    return total


def enough_questions(scores: ArrayLike, right: ArrayLike, *, alpha: float, delta: float) -> int | None:
    """Return an estimate of how many questions would do, from the shares let through and wrong of these ones.

    Args:
        scores: as for :func:`select`.
        right: likewise.
        alpha: likewise.
        delta: likewise.

    Returns:
        The fewest with which a threshold passes with a chance of 80 %, at the 80th percentile of its risk's posterior
        (its median, where no threshold has one below alpha) and at least half as many again as there are; None where
        no threshold has a risk below alpha.
    """
    values, marks = _checked(scores, right, alpha, delta)
    grid = np.unique(values[~np.isnan(values)])[::-1]
    kept, lost = _let_through(values, marks, grid)
    for quantile in (_SURE, 0.5):
        risks = betaincinv(lost + 0.5, kept - lost + 0.5, quantile)
        if (able := risks < alpha).any():
            break
    else:
        return None
    share, risk = kept[able] / len(values), risks[able]
    spread = ndtri(1.0 - delta) * math.sqrt(alpha * (1.0 - alpha)) + ndtri(_SURE) * np.sqrt(risk * (1.0 - risk))
    tested = np.maximum((spread / (alpha - risk)) ** 2, least_answers(alpha, delta))  # by the normal approximation
    wanted = math.ceil(float((tested / share).min()) / (1.0 - PILOT))
    return max(wanted, least_questions(alpha, delta), math.ceil(1.5 * len(values)))


def _power(kept: Array, wrong: Array, ratio: float, alpha: float, delta: float) -> Array:
    """Return the chance that each threshold passes on ``ratio`` times the questions, by the posterior of its risk."""
    sizes = np.rint(kept * ratio)
    allowed = binom.ppf(delta, sizes, alpha)
    allowed = np.where(binom.cdf(allowed, sizes, alpha) > delta, allowed - 1, allowed)
    risks = betaincinv(wrong + 0.5, kept - wrong + 0.5, _NODES[:, None])
    return np.asarray(np.mean(binom.cdf(allowed, sizes, risks), axis=0))


def _let_through(scores: Array, right: Array, thresholds: Array) -> tuple[Array, Array]:
    """Return how many answers reach each threshold, and how many of these are wrong."""
    order = np.argsort(-scores)  # NaN goes last
    counted = np.count_nonzero(~np.isnan(scores))
    errors = np.concatenate([[0], np.cumsum(~right[order])])
    reached = np.searchsorted(-scores[order][:counted], -thresholds, side="right")
    return reached, errors[reached]


def _checked(scores: ArrayLike, right: ArrayLike, alpha: float, delta: float) -> tuple[Array, Array]:
    for name, level in (("alpha", alpha), ("delta", delta)):
        if not 0.0 < level < 1.0:
            raise InputError(f"a promise needs {name} in (0, 1), got {level}: give for example 0.1")
    values, marks = np.asarray(scores, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if values.ndim != 1 or values.shape != marks.shape:
        raise InputError(
            f"a promise needs one score and one mark a question, got shapes {values.shape} and {marks.shape}: pair them"
        )
    return values, marks
