"""Outcomes: the decisions of a strategy, added up over the permutations of each question.

Intervals come from questions, never from permutations, so that the sums of each question are all that is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from evals.replay.vectorised import Replayed

Array = NDArray[Any]


@dataclass(frozen=True)
class Causes:
    """The numbers of decisions by cause, over all questions and permutations; see :class:`evals.comparison.regret`.

    Attributes:
        unsolved: wrong, and no sample of the full budget is right.
        not_selected: wrong though a sample is right, and the counterpart is wrong too.
        stopped_early: wrong, and the counterpart is right; None without a counterpart.
        gained: right, and the counterpart is wrong; None without a counterpart.
    """

    unsolved: int = 0
    not_selected: int = 0
    stopped_early: int | None = None
    gained: int | None = None

    def __add__(self, other: Causes) -> Causes:
        """Return the numbers of both."""
        return Causes(
            self.unsolved + other.unsolved,
            self.not_selected + other.not_selected,
            _added(self.stopped_early, other.stopped_early),
            _added(self.gained, other.gained),
        )


@dataclass(frozen=True)
class Outcome:
    """The decisions of one strategy, added up over the permutations of each question.

    Attributes:
        permutations: of each question, >= 1.
        correct: right decisions, [questions].
        first: True where the decision under the first permutation is right, [questions].
        used: draws used, [questions].
        tokens: the tokens of the draws used, [questions]; None where the pool counts none.
        abstained: decisions without an answer, of all questions.
        prompt: prompt tokens computed for the draws used, of all questions; None as ``tokens``.
        cached: prompt tokens from a cache for the draws used, of all questions; None as ``tokens``.
        causes: the causes of wrong decisions; None where they are not counted.
    """

    permutations: int
    correct: Array
    first: Array
    used: Array
    tokens: Array | None
    abstained: int
    prompt: float | None = None
    cached: float | None = None
    causes: Causes | None = None

    @property
    def decisions(self) -> int:
        """The number of decisions: questions x permutations."""
        return len(self.correct) * self.permutations

    @property
    def right(self) -> int:
        """The number of right decisions."""
        return int(self.correct.sum())

    @property
    def accuracy(self) -> float:
        """The share of right decisions."""
        return self.right / self.decisions

    @property
    def samples(self) -> float:
        """The mean number of draws."""
        return int(self.used.sum()) / self.decisions

    @property
    def mean_tokens(self) -> float | None:
        """The mean tokens of a decision; None where the pool counts none."""
        return None if self.tokens is None else float(self.tokens.sum()) / self.decisions

    @staticmethod
    def joined(parts: Sequence[Outcome], rows: Sequence[Array] | None = None) -> Outcome:
        """Return the outcome of all questions from outcomes of some of them.

        Args:
            parts: outcomes under equally many permutations.
            rows: the places of each part's questions, which are 0 .. n - 1 together; None puts one part after another.
        """
        back = slice(None) if rows is None else np.argsort(np.concatenate(rows))
        tokens = [part.tokens for part in parts if part.tokens is not None]
        causes = [part.causes for part in parts if part.causes is not None]
        return Outcome(
            permutations=parts[0].permutations,
            correct=np.concatenate([part.correct for part in parts])[back],
            first=np.concatenate([part.first for part in parts])[back],
            used=np.concatenate([part.used for part in parts])[back],
            tokens=np.concatenate(tokens)[back] if len(tokens) == len(parts) else None,
            abstained=sum(part.abstained for part in parts),
            prompt=_total([part.prompt for part in parts]),
            cached=_total([part.cached for part in parts]),
            causes=sum(causes[1:], causes[0]) if len(causes) == len(parts) else None,
        )


def first_right(arrays: PoolArrays, orders: Array, rows: Array) -> Array:
    """Return the draw, counted from 0, of the first right sample; the number of draws where no sample is right.

    Args:
        arrays: the pool.
        orders: sample indices of some questions, [questions, permutations, draws].
        rows: these questions.

    Returns:
        [questions, permutations].
    """
    right, draws = arrays.right(rows), orders.shape[2]
    first = np.full(orders.shape[:2], draws, dtype=np.int16)
    for draw in reversed(range(draws)):
        first[np.take_along_axis(right, orders[:, :, draw].astype(np.intp), axis=1)] = draw
    return first


def causes_of(replayed: Replayed, counterpart: Replayed | None, first: Array, budget: int) -> Causes:
    """Count the causes of wrong decisions.

    Args:
        replayed: the decisions, [questions, permutations].
        counterpart: those of the same strategy at the full budget without stopping; None where there is none, and only
            the samples used count.
        first: the first right draws, as :func:`first_right` returns them.
        budget: the full budget.
    """
    wrong = ~replayed.correct
    solved = first < (replayed.used if counterpart is None else budget)
    early = np.zeros_like(wrong) if counterpart is None else wrong & counterpart.correct
    return Causes(
        unsolved=int((wrong & ~solved).sum()),
        not_selected=int((wrong & solved & ~early).sum()),
        stopped_early=None if counterpart is None else int(early.sum()),
        gained=None if counterpart is None else int((replayed.correct & ~counterpart.correct).sum()),
    )


def _added(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
