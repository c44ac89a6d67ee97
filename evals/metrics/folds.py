"""Folds: questions to fit on and questions to score, never the same ones.

Knows only numbers of questions; :mod:`evals.comparison.paired` swaps the halves, so that every question is scored once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Questions to fit on and questions to score, as indices; either may be empty."""

    fit: Indices
    scored: Indices

    @staticmethod
    def fit_all(questions: int) -> Fold:
        """Return the fold that fits on every question and scores none."""
        return Fold(np.arange(questions), np.arange(0))

    @staticmethod
    def score_all(questions: int) -> Fold:
        """Return the fold that scores every question and fits on none."""
        return Fold(np.arange(0), np.arange(questions))


def halves(questions: int, seed: int) -> tuple[Fold, Fold]:
    """Return two folds that swap the same two random halves.

    Args:
        questions: the number of questions, >= 4; an odd one leaves the second half one larger.
        seed: decides the halves, >= 0.

    Raises:
        InputError: fewer than four questions.
    """
    if questions < 4:
        raise InputError(
            f"fitting on one half and scoring the other needs at least 4 questions, the pool has {questions}"
        )
    order = np.random.default_rng([seed, 1]).permutation(questions)
    a, b = np.sort(order[: questions // 2]), np.sort(order[questions // 2 :])
    return Fold(a, b), Fold(b, a)
