"""Regret: every wrong decision by its cause: no right sample, a right one not selected, or an early stop.

The three parts show what could raise accuracy: more or better samples, better scores and weights, or a more cautious
stopping rule. A fourth number is the gain of stopping: right decisions that more draws would have turned wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evals.replay.outcome import Outcome
from evals.replay.vectorised import Candidate
from strategies.stopping import Never
from strategies.vote import Vote


@dataclass(frozen=True, slots=True)
class Regret:
    """Shares of all decisions (questions x permutations); the first three sum to the share that is wrong.

    Strategies other than the vote family have no counterpart that never stops; for these only the samples used count,
    and the effect of stopping is unknown.

    Attributes:
        unsolved: wrong, and no sample of the full budget is right.
        not_selected: wrong though a sample is right, and wrong without stopping too; draws that ended early count here.
        stopped_early: wrong, and right at the full budget without stopping; None without a counterpart.
        gained: right, and wrong at the full budget without stopping; None without a counterpart.
    """

    unsolved: float
    not_selected: float
    stopped_early: float | None
    gained: float | None


def regret(outcome: Outcome) -> Regret:
    """Return the shares of the causes that a replay counted.

    Args:
        outcome: of a candidate whose causes are counted, see :func:`with_causes`.
    """
    causes, decisions = outcome.causes, outcome.decisions
    assert causes is not None  # a replay counts them
    known = causes.stopped_early is not None and causes.gained is not None
    return Regret(
        unsolved=causes.unsolved / decisions,
        not_selected=causes.not_selected / decisions,
        stopped_early=(causes.stopped_early or 0) / decisions if known else None,
        gained=(causes.gained or 0) / decisions if known else None,
    )


def with_causes(candidate: Candidate, budget: int) -> Candidate:
    """Return the candidate with its causes counted, by a counterpart without stopping rules where it votes."""
    strategy, counterpart = candidate.strategy, None
    if isinstance(strategy, Vote):
        counterpart = replace(strategy, name="patient", budget=budget, stop=(Never(),))
    return replace(candidate, causes=True, counterpart=counterpart)
