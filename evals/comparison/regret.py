"""Regret: of every wrong decision, whether no sample was right, a right one was not selected, or it came too early.

The three parts say where accuracy can still be won: by more or better samples, by better scores and weights, or by a
more patient stopping rule. Beside them stands what stopping gains: decisions that more draws would have spoiled.
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

    For strategies without a counterpart that never stops (all but the vote family) the samples looked at are those
    used, and what stopping does is not known.

    Attributes:
        unsolved: wrong, and no sample of the full budget is right.
        not_selected: wrong though a sample is right, and wrong without stopping too; also what a draw ended early lost.
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
        outcome: what it did, [questions, permutations].
        patient: what it does at the full budget without stopping, on the same permutations; None where that is unknown.
        first: as :func:`first_right` gives it.
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
    """At which draw, counted from 0, the first right sample comes; the number of draws where none does.

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
    """The same weighting, selection and pruning at the full budget and without stopping rules; None for other kinds."""
    strategy = candidate.strategy
    if not isinstance(strategy, Vote):
        return None
    return replace(candidate, strategy=replace(strategy, name="patient", budget=budget, stop=(Never(),)))


def regrets_of(
    folds: Sequence[Sequence[Candidate]], outcomes: Sequence[Outcome], *, play: Play, first: Array, budget: int
) -> list[Regret]:
    """Split the wrong decisions of strategies that were played side by side.

    Args:
        folds: the strategies as each fold built them, in the same order.
        outcomes: what they did, of all questions.
        play: plays one list of strategies a fold on the same orders, such as ``Comparison.play``.
        first: as :func:`first_right` gives it.
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
