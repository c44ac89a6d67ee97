"""Folds: two random halves that swap, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from evals.metrics.folds import Fold, halves
from tts.errors import InputError


@pytest.mark.parametrize("questions", [4, 5, 30])
def test_halves_part_the_questions_and_swap(questions: int) -> None:
    first, second = halves(questions, seed=3)
    assert (first.fit == second.scored).all() and (first.scored == second.fit).all()
    assert sorted([*first.fit, *first.scored]) == list(range(questions))
    assert len(first.fit) == questions // 2
    assert (np.diff(first.fit) > 0).all() and (np.diff(first.scored) > 0).all()


def test_the_seed_decides_the_halves() -> None:
    one, same, other = (halves(30, seed)[0].fit.tolist() for seed in (0, 0, 1))
    assert one == same != other


def test_fewer_than_four_questions_are_refused() -> None:
    with pytest.raises(InputError, match="at least 4 questions, the pool has 3"):
        halves(3, 0)


def test_a_fold_may_fit_on_all_or_score_all() -> None:
    assert Fold.fit_all(3).fit.tolist() == Fold.score_all(3).scored.tolist() == [0, 1, 2]
    assert not Fold.fit_all(3).scored.size and not Fold.score_all(3).fit.size
