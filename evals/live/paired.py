"""Live runs against self-consistency, question by question, with the same intervals as replays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.comparison.difference import Difference, differences
from evals.comparison.fit import REFERENCE
from evals.live.runner import Played
from evals.metrics.stats import bootstrap_weights
from evals.replay.outcome import Outcome

REPLICATES = 10_000


def played_differences(played: Sequence[Played], *, margin: float, seed: int) -> list[Difference | None]:
    """Return the difference of each strategy to self-consistency, paired by question.

    It is None where self-consistency was not played, or no right answers are known.

    Args:
        played: strategies on the same questions, in the same order.
        margin: the loss of accuracy that still counts as not inferior, as a fraction.
        seed: of the bootstrap.
    """
    names = [p.planned.method.name for p in played]
    graded = [p.right for p in played if p.right is not None]
    if REFERENCE not in names or not graded:
        return [None] * len(played)
    outcomes = [outcome_of(p) for p in played]
    weights = bootstrap_weights(len(graded[0]), REPLICATES, seed)
    return [*differences(outcomes, names.index(REFERENCE), weights=weights, margin=margin)]


def outcome_of(played: Played) -> Outcome:
    """Return the decisions as a replay of one order."""
    decisions = [result.decision for result in played.results]
    tokens = [None if d.usage is None else d.usage.generated for d in decisions]
    return Outcome(
        permutations=1,
        correct=np.array(played.right, dtype=np.uint8),
        first=np.array(played.right, dtype=bool),
        used=np.array([len(d.samples) for d in decisions]),
        tokens=None if None in tokens else np.array(tokens, dtype=np.float64),
        abstained=sum(d.answer is None for d in decisions),
    )
