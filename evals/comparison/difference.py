"""Paired differences: each strategy's accuracy and cost against those of a reference on the same questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from evals.comparison.paired import Comparison, Interval
from evals.metrics.percentile import percentile_ratio, percentile_test
from evals.metrics.stats import Weights, holm, non_inferior
from evals.replay.outcome import Outcome

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
    outcomes: Sequence[Outcome], reference: int, *, weights: Weights, margin: float, shares: Array | None = None
) -> list[Difference]:
    """Compare each outcome with the reference's, question by question, and correct for the number of comparisons.

    Args:
        outcomes: of the same questions, with the same number of permutations.
        reference: the index of the reference among them.
        weights: shares of the questions in each bootstrap resample, [replicates, questions].
        margin: the loss of accuracy that still counts as not inferior, as a fraction.
        shares: the share of each question in the means, [questions], sum 1; None takes equal ones. Verdicts then count
            the questions by Kish's effective number, 1 / sum(shares^2).

    Returns:
        One difference an outcome; that of the reference to itself is 0.
    """
    found = uncorrected(outcomes, outcomes[reference], weights=weights, margin=margin, shares=shares)
    found[reference] = replace(found[reference], p_value_holm=1.0, verdict="reference")
    others = [i for i in range(len(outcomes)) if i != reference]
    for i, p in zip(others, holm([found[i].p_value for i in others]), strict=True):
        found[i] = replace(found[i], p_value_holm=float(p))
    return found


def uncorrected(
    outcomes: Sequence[Outcome], base: Outcome, *, weights: Weights, margin: float, shares: Array | None = None
) -> list[Difference]:
    """Compare each outcome with one reference, each as if it was the only one; see :func:`differences`.

    Args:
        outcomes: of the same questions, with the same number of permutations.
        base: the reference's outcome.
        weights: shares of the questions in each bootstrap resample, [replicates, questions].
        margin: the loss of accuracy that still counts as not inferior, as a fraction.
        shares: the share of each question in the means; None takes equal ones.
    """
    counted: dict[int, Array] = {}
    if base.tokens is not None and (base.tokens > 0).all():
        counted = {i: o.tokens for i, o in enumerate([base, *outcomes]) if o.tokens is not None}
    diff = np.stack([o.correct.astype(np.int64) - base.correct for o in outcomes], axis=1)
    used = np.stack([base.used, *(o.used for o in outcomes)], axis=1)
    tokens = np.stack(list(counted.values()), axis=1) if counted else used[:, :0]
    means = weights @ np.concatenate([diff, used, tokens], axis=1)
    of_diff, of_used, of_tokens = np.split(means, np.cumsum([diff.shape[1], used.shape[1]]), axis=1)
    lows, highs, p = percentile_test(of_diff / base.permutations)
    samples = _ratios(used, of_used, shares)
    spent = dict(zip(list(counted)[1:], _ratios(tokens, of_tokens, shares), strict=True))
    effective = len(diff) if shares is None else int(1 / float(shares @ shares))
    found = []
    for i in range(len(outcomes)):
        low, high, differing = float(lows[i]), float(highs[i]), int((diff[:, i] != 0).sum())
        mean = float(diff[:, i].mean() if shares is None else shares @ diff[:, i])
        tokens_ratio, tokens_ratio_ci = spent.get(i + 1, (None, None))
        found.append(
            Difference(
                accuracy_diff=mean / base.permutations,
                accuracy_diff_ci=(low, high),
                p_value=float(p[i]),
                p_value_holm=float(p[i]),
                differing=differing,
                samples_ratio=samples[i][0],
                samples_ratio_ci=samples[i][1],
                tokens_ratio=tokens_ratio,
                tokens_ratio_ci=tokens_ratio_ci,
                verdict=verdict(low, high, margin, questions=effective, differing=differing),
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


def _ratios(sums: Array, means: Array, shares: Array | None) -> list[tuple[float, Interval]]:
    """Return the ratio of each further column to the first, with its paired interval.

    Args:
        sums: of each question, [questions, columns].
        means: of the columns in the resamples, [replicates, columns].
        shares: the share of each question; None takes equal ones.
    """
    low, high = percentile_ratio(means[:, 1:], means[:, :1])
    total = sums.sum(axis=0) if shares is None else shares @ sums
    return [(float(total[i + 1] / total[0]), (float(low[i]), float(high[i]))) for i in range(len(low))]
