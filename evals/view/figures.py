"""The figures of each question of a run by which a list is filtered and put in order, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CAUSES = (None, "unsolved", "not_selected", "stopped_early", "gained")
"""The causes of decisions; an array has their places."""
FILTERS = ("all", "wrong", "gained", "stopped_early", "not_selected", "unsolved", "disagree", "unread")
COUNTED = ("all", "unread")
"""The filters that need no decisions."""
ORDERS = ("drawn", "longest", "unsure")

Array = NDArray[Any]


@dataclass(frozen=True)
class Counted:
    """Figures of the samples of each question.

    Attributes:
        ids: the questions, in the order of the pool.
        longest: the tokens of its longest sample, 0 where they are not counted, [questions].
        confidence: the mean confidence of its samples, 1 without any, [questions].
        unread: True for a question with a sample that has no answer, [questions].
    """

    ids: tuple[str, ...]
    longest: Array
    confidence: Array
    unread: Array


@dataclass(frozen=True)
class Decided:
    """The decisions of strategies on each question, in the order drawn.

    Attributes:
        names: the strategies.
        reference: the name of the one that others are compared with.
        right: [strategies, questions].
        cause: places in ``CAUSES``, [strategies, questions].
        sure: the strategy's own estimate, else the share of the votes, NaN without either, [strategies, questions].
        disagree: True for questions that strategies answer differently, [questions].
    """

    names: tuple[str, ...]
    reference: str
    right: Array
    cause: Array
    sure: Array
    disagree: Array


def kept(only: str, strategy: int, counted: Counted | None, decided: Decided | None) -> Array | None:
    """Return the questions that a filter keeps, [questions]; None where all are kept or the figures are not there yet.

    Args:
        only: one of ``FILTERS``.
        strategy: the place of the strategy whose decisions are looked at.
        counted: the figures of samples, if they are there.
        decided: the decisions, if they are there.
    """
    if only == "unread":
        return None if counted is None else counted.unread
    if decided is None or only not in FILTERS or only == "all":
        return None
    if only == "wrong":
        return np.asarray(~decided.right[strategy])
    if only == "disagree":
        return decided.disagree
    return np.asarray(decided.cause[strategy] == CAUSES.index(only))


def ranks(order: str, strategy: int, counted: Counted | None, decided: Decided | None) -> Array | None:
    """Return the value by which questions are sorted, the least first, [questions]; None for the order drawn.

    Args:
        order: one of ``ORDERS``.
        strategy: the place of the strategy whose decisions are looked at.
        counted: the figures of samples, if they are there.
        decided: the decisions, if they are there.
    """
    if counted is None or order not in ("longest", "unsure"):
        return None
    if order == "longest":
        return np.asarray(-counted.longest)
    if decided is None:
        return counted.confidence
    sure = decided.sure[strategy]
    return np.where(np.isnan(sure), counted.confidence, sure)
