"""Risk control: a threshold whose loss on new questions has a bound that holds with a stated probability.

Learn then Test (Angelopoulos et al., arXiv 2110.01052): every setting j of a strategy has a risk R(j), its expected
loss on a new question. The hypotheses "R(j) > alpha" are tested one after the other in an order fixed beforehand, from
the most cautious setting to the boldest, and testing ends at the first that is not rejected (fixed-sequence testing).
To accept any setting of too high a risk, the first such setting must pass its own test, which happens with probability
at most delta. So for every sample size and every score

    P(some accepted j has R(j) > alpha) <= delta.

This needs calibration questions that are i.i.d. with the new ones, and settings (grid, scores, calibration map) that
were not made from these questions. Conformal Thinking (2602.03814) controls reasoning budgets in the same way.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from evals.replay.outcome import Outcome
from tts.errors import InputError

Array = NDArray[Any]
Bound = Literal["binomial", "hoeffding_bentkus"]


def learn_then_test(losses: ArrayLike, *, alpha: float, delta: float, bound: Bound = "binomial") -> int | None:
    """Return the last setting that fixed-sequence testing accepts.

    Args:
        losses: of each calibration question under each setting, [questions, settings]; the most cautious setting
            first, in an order that does not depend on these losses.
        alpha: the risk that is still accepted, in (0, 1).
        delta: the probability with which the risk may be above it, in (0, 1).
        bound: "binomial" for losses in {0, 1}, "hoeffding_bentkus" for losses in [0, 1]; the kind of loss decides, not
            the values observed.

    Returns:
        The index of the last accepted setting; None where the first is not accepted. All settings up to it are
        accepted too: with probability at least 1 - delta none of them has a risk above alpha. Without a single loss
        n questions suffice for acceptance where (1 - alpha)^n <= delta.

    Raises:
        InputError: losses of another shape or range, or levels outside (0, 1).

    Source:
        Angelopoulos et al. 2110.01052, fixed-sequence testing.
    """
    if not 0.0 < delta < 1.0:
        raise InputError(f"risk control needs delta in (0, 1), got {delta}: give for example 0.1")
    rejected = risk_p_values(losses, alpha, bound=bound) <= delta
    accepted = len(rejected) if rejected.all() else int(np.argmin(rejected))
    return accepted - 1 if accepted else None


def risk_p_values(losses: ArrayLike, alpha: float, *, bound: Bound = "binomial") -> Array:
    """Return a p-value of "the risk is above alpha" for each setting.

    Args:
        losses: [questions, settings].
        alpha: the risk, in (0, 1).
        bound: see :func:`learn_then_test`.

    Returns:
        One p-value a setting, [settings].

    Raises:
        InputError: losses of another shape, outside {0, 1} or [0, 1] as the bound needs, or alpha outside (0, 1).
    """
    values = np.asarray(losses, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"risk control needs losses [questions, settings], got shape {values.shape}: give at least 1")
    if not 0.0 < alpha < 1.0:
        raise InputError(f"risk control needs alpha in (0, 1), got {alpha}: give for example 0.02")
    if not np.all((values >= 0.0) & (values <= 1.0)):
        raise InputError(f"risk control needs losses in [0, 1], got {values.min():g} to {values.max():g}: scale them")
    if bound == "hoeffding_bentkus":
        return hoeffding_bentkus_p(values.mean(axis=0), len(values), alpha)
    if not np.isin(values, (0.0, 1.0)).all():
        raise InputError(
            "the binomial bound needs losses of 0 or 1, got values between: take one order a question, "
            "or the bound hoeffding_bentkus"
        )
    return binomial_p(values.mean(axis=0), len(values), alpha)


def binomial_p(risk: ArrayLike, questions: int, alpha: float) -> Array:
    """Return P(Binomial(n, alpha) <= n risk): valid for i.i.d. losses in {0, 1} only, and exact there.

    Args:
        risk: the mean loss of n questions, a multiple of 1 / n, any shape.
        questions: n.
        alpha: the risk under test, in (0, 1).
    """
    return np.asarray(binom.cdf(np.rint(np.asarray(risk) * questions), questions, alpha))


def hoeffding_bentkus_p(risk: ArrayLike, questions: int, alpha: float) -> Array:
    """Return the Hoeffding-Bentkus p-value: valid for any i.i.d. losses in [0, 1].

    ``min(exp(-n h(min(risk, alpha), alpha)), e P(Binomial(n, alpha) <= ceil(n risk)))`` with the relative entropy
    ``h(a, b) = a ln(a/b) + (1-a) ln((1-a)/(1-b))``.

    Args:
        risk: the mean loss of n questions, in [0, 1], any shape.
        questions: n.
        alpha: the risk under test, in (0, 1).

    Source:
        Bates et al. 2101.02703 (the Hoeffding-Bentkus bound); Angelopoulos et al. 2110.01052.
    """
    mean = np.asarray(risk, dtype=np.float64)
    a = np.minimum(mean, alpha)
    # 0 ln 0 is 0; alpha is inside (0, 1), so the other logarithms are finite.
    entropy = a * np.log(np.where(a > 0, a, 1.0) / alpha) * (a > 0) + (1 - a) * np.log((1 - a) / (1 - alpha))
    # The mean of a sum is rounded; without the slack ceil would count one more.
    bentkus = np.e * binom.cdf(np.ceil(mean * questions - 1e-9), questions, alpha)
    return np.asarray(np.minimum(1.0, np.minimum(np.exp(-questions * entropy), bentkus)))


def regrets(outcome: Outcome, reference: Outcome) -> Array:
    """Return the losses against a reference on the same draws, ``(wrong - wrong_ref)_+``, under the first permutation.

    One order a question gives losses in {0, 1}, whose binomial test is exact. Means over all orders vary less, but
    only the Hoeffding-Bentkus bound holds for them, which reads the mean alone: it certifies less, since questions,
    not orders, are what varies (``docs/results/risk.txt``). Both have the same risk, for a random order of
    i.i.d. draws is one more draw.

    Args:
        outcome: the strategy's outcome.
        reference: self-consistency's outcome at the full budget, on the same permutations.

    Returns:
        One loss a question, 0 or 1, [questions].
    """
    return (reference.first & ~outcome.first).astype(np.float64)
