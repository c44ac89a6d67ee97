"""Regret: every wrong decision by its cause: no right sample, a right one not selected, or an early stop.

The three parts show what could raise accuracy: more or better samples, better scores and weights, or a more cautious
stopping rule. A fourth number is the gain of stopping: right decisions that more draws would have turned wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Candidate, Outcome
from strategies.stopping import Never
from strategies.vote import Vote

Array = NDArray[Any]
Play = Callable[[Sequence[Sequence[Candidate]]], list[Outcome]]


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


def regret(outcome: Outcome, patient: Outcome | None, first: Array, *, budget: int) -> Regret:
    """Split the wrong decisions of one strategy.

    Args:
        outcome: its outcome, [questions, permutations].
        patient: its outcome at the full budget without stopping, on the same permutations; None where unknown.
        first: the first right draws, as :func:`first_right` returns them.
        budget: the full budget.
    """
    wrong = ~outcome.correct
    solved = first < (outcome.used if patient is None else budget)
    early = np.zeros_like(wrong) if patient is None else wrong & patient.correct
    return Regret(
        unsolved=float((wrong & ~solved).mean()),
        not_selected=float((wrong & solved & ~early).mean()),
        stopped_early=None if patient is None else float(early.mean()),
        gained=None if patient is None else float((outcome.correct & ~patient.correct).mean()),
    )


def first_right(arrays: PoolArrays, orders: Array) -> Array:
    """Return the draw, counted from 0, of the first right sample; the number of draws where no sample is right.

    Args:
        arrays: the pool.
        orders: sample indices, [questions, permutations, draws].

    Returns:
        [questions, permutations].
    """
    right, draws = arrays.sample_correct, orders.shape[2]
    first = np.full(orders.shape[:2], draws, dtype=np.int16)
    for draw in reversed(range(draws)):
        first[np.take_along_axis(right, orders[:, :, draw].astype(np.intp), axis=1)] = draw
    return first


def patient(candidate: Candidate, budget: int) -> Candidate | None:
    """Return the candidate at the full budget and without stopping rules; None for strategies that do not vote."""
    strategy = candidate.strategy
    if not isinstance(strategy, Vote):
        return None
    return replace(candidate, strategy=replace(strategy, name="patient", budget=budget, stop=(Never(),)))


def regrets_of(
    folds: Sequence[Sequence[Candidate]], outcomes: Sequence[Outcome], *, play: Play, first: Array, budget: int
) -> list[Regret]:
    """Split the wrong decisions of several strategies.

    Args:
        folds: the strategies as each fold built them, in the same order.
        outcomes: their outcomes, of all questions.
        play: replays one list of strategies a fold on the same orders, such as ``Comparison.play``.
        first: the first right draws, as :func:`first_right` returns them.
        budget: the full budget.
    """
    distinct: list[tuple[Candidate, ...]] = []  # strategies that differ in their rules only share a counterpart
    at: list[int | None] = []
    for same in zip(*folds, strict=True):
        found = [patient(candidate, budget) for candidate in same]
        mine = tuple(candidate for candidate in found if candidate is not None)
        if len(mine) < len(same):
            at.append(None)
            continue
        if mine not in distinct:
            distinct.append(mine)
        at.append(distinct.index(mine))
    played = play(list(zip(*distinct, strict=True))) if distinct else []
    return [
        regret(outcome, None if i is None else played[i], first, budget=budget)
        for outcome, i in zip(outcomes, at, strict=True)
    ]
