"""Paired differences: each strategy's accuracy and cost against those of a reference on the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from evals.comparison.paired import Comparison, Interval
from evals.metrics.stats import bootstrap_ratio_interval, bootstrap_test, holm, non_inferior
from evals.replay.vectorised import Outcome

Array = NDArray[Any]
FEW_QUESTIONS = 30
"""Below this many questions a percentile interval is too narrow for a verdict."""
FEW_DIFFERING = 6
"""With fewer differing questions no exact test reaches .05, even if all of them differ in one direction."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One strategy against the reference, paired by question.

    Attributes:
        accuracy_diff: accuracy minus the reference's, in [-1, 1].
        accuracy_diff_ci: its 95 % interval over questions.
        p_value: the two-sided p-value of "no difference" from the bootstrap of that interval: below .05 exactly where
            the interval leaves out 0.
        p_value_holm: the same after Holm's correction over all strategies compared together.
        differing: the number of questions on which the two differ.
        samples_ratio: mean samples over the reference's.
        samples_ratio_ci: its 95 % interval over questions.
        tokens_ratio: mean generated tokens over the reference's; None where they are not counted.
        tokens_ratio_ci: its 95 % interval over questions.
        verdict: "reference", "better", "not worse" (within the margin), "worse", "open", or "too few" where
            there are too few questions, or too few that differ, to tell.
    """

    accuracy_diff: float
    accuracy_diff_ci: Interval
    p_value: float
    p_value_holm: float
    differing: int
    samples_ratio: float
    samples_ratio_ci: Interval
    tokens_ratio: float | None
    tokens_ratio_ci: Interval | None
    verdict: str


def against(comparison: Comparison, outcomes: Sequence[Outcome], reference: int) -> list[Difference]:
    """Compare each outcome with the reference's; see :func:`differences`.

    Args:
        comparison: its bootstrap weights and margin are used.
        outcomes: of the same questions under the same permutations.
        reference: the index of the reference among them.
    """
    return differences(outcomes, reference, weights=comparison.weights, margin=comparison.settings.margin)


def differences(
    outcomes: Sequence[Outcome], reference: int, *, weights: Array, margin: float, shares: Array | None = None
) -> list[Difference]:
    """Compare each outcome with the reference's, question by question.

    Args:
        outcomes: of the same questions, with the same number of columns.
        reference: the index of the reference among them.
        weights: shares of the questions in each bootstrap resample, [replicates, questions].
        margin: the loss of accuracy that still counts as not inferior, as a fraction.
        shares: the share of each question in the means, [questions], sum 1; None takes equal ones. Verdicts then count
            the questions by Kish's effective number, 1 / sum(shares^2).

    Returns:
        One difference an outcome; that of the reference to itself is 0.
    """
    base = outcomes[reference]
    diff = np.stack([o.correct.mean(axis=1) - base.correct.mean(axis=1) for o in outcomes], axis=1)
    lows, highs, p = bootstrap_test(diff, weights)
    differing = (diff != 0).sum(axis=0)
    others = [i for i in range(len(outcomes)) if i != reference]
    effective = len(diff) if shares is None else int(1 / float(shares @ shares))
    p_holm = np.ones(len(outcomes))
    if others:
        p_holm[others] = holm(p[others])
    found = []
    for i, outcome in enumerate(outcomes):
        samples, samples_ci = _ratio(outcome.used, base.used, weights, shares)
        tokens, tokens_ci = _tokens_ratio(outcome, base, weights, shares)
        low, high = float(lows[i]), float(highs[i])
        found.append(
            Difference(
                accuracy_diff=float(diff[:, i].mean() if shares is None else shares @ diff[:, i]),
                accuracy_diff_ci=(low, high),
                p_value=float(p[i]),
                p_value_holm=float(p_holm[i]),
                differing=int(differing[i]),
                samples_ratio=samples,
                samples_ratio_ci=samples_ci,
                tokens_ratio=tokens,
                tokens_ratio_ci=tokens_ci,
                verdict="reference"
                if i == reference
                else verdict(low, high, margin, questions=effective, differing=int(differing[i])),
            )
        )
    return found


def verdict(low: float, high: float, margin: float, *, questions: int, differing: int) -> str:
    """Return in a word what an interval of a paired difference shows.

    Args:
        low: the lower end of the interval.
        high: the upper end.
        margin: the loss of accuracy that still counts as not inferior, >= 0.
        questions: the number of questions that the interval was resampled from.
        differing: the number of them with a difference other than 0.

    Returns:
        "better", "not worse", "worse", "open" where the data do not decide, or "too few": an interval of fewer than
        FEW_QUESTIONS questions, or one that leaves out 0 because of fewer than FEW_DIFFERING, decides nothing. Where
        fewer than FEW_DIFFERING questions differ, resampling them tells too little of a loss; "not worse" then needs
        the exact bound on the share of questions that differ to be within the margin.

    Source:
        Clopper and Pearson 1934; for no question that differs, the rule of three (Hanley and Lippman-Hand 1983).
    """
    if questions < FEW_QUESTIONS or ((low > 0 or high < 0) and differing < FEW_DIFFERING):
        return "too few"
    if low > 0:
        return "better"
    if non_inferior(low, margin) and (differing >= FEW_DIFFERING or most_differing(differing, questions) <= margin):
        return "not worse"
    return "worse" if high < 0 else "open"


def most_differing(differing: int, questions: int) -> float:
    """Return the upper end of the exact 95 % interval of the share of questions that differ.

    Args:
        differing: the number of questions that differ.
        questions: their number, more than ``differing``.
    """
    return float(beta.ppf(0.975, differing + 1, questions - differing)) if differing < questions else 1.0


def _ratio(spent: Array, base: Array, weights: Array, shares: Array | None) -> tuple[float, Interval]:
    """Return the ratio of two means of [questions, permutations], with its paired interval."""
    low, high = bootstrap_ratio_interval(spent.mean(axis=1), base.mean(axis=1), weights)
    if shares is None:
        return float(spent.mean() / base.mean()), (float(low), float(high))
    return float(shares @ spent.mean(axis=1) / (shares @ base.mean(axis=1))), (float(low), float(high))


def _tokens_ratio(
    outcome: Outcome, base: Outcome, weights: Array, shares: Array | None
) -> tuple[float | None, Interval | None]:
    """Return the ratio of generated tokens; None where the pool counts none, or a question has none to divide by."""
    if outcome.tokens is None or base.tokens is None or not (base.tokens.mean(axis=1) > 0).all():
        return None, None
    return _ratio(outcome.tokens, base.tokens, weights, shares)
