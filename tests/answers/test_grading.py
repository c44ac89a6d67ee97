"""Grades: an answer is right exactly where it would vote with the gold answer."""

from __future__ import annotations

from itertools import product

import pytest

from tts.answers import Grader, merge
from tts.errors import InputError

SPELLINGS = ["18", "18.0", "$18", "1,000", "1000", "1/2", "0.5", "A", "(a)", "x + 1", "1 + x", "", "3x"]


@pytest.mark.parametrize("kind", ["auto", "number", "choice", "text", "math"])
def test_an_answer_is_right_where_it_votes_with_the_gold_answer(kind: str) -> None:
    for answer, gold in product(SPELLINGS, repeat=2):
        mine, theirs = merge([answer, gold], kind=kind).labels
        grade = Grader(kind).grade(answer, gold)
        assert grade == (False if mine < 0 else None if theirs < 0 else mine == theirs), (answer, gold)


def test_a_pairwise_check_joins_a_grade_as_it_joins_votes() -> None:
    asked = []

    def equal(a: str, b: str) -> bool:
        asked.append((a, b))
        return {a, b} == {"x+1", "1+x"}

    grader = Grader("math", equal)
    assert grader.grade("x + 1", "1 + x") is True and grader.grade("1 + x", "x + 1") is True
    assert merge(["x + 1", "1 + x"], kind="math", equal=equal).labels == (0, 0)
    assert asked == [("1+x", "x+1")] * 3, "a pair is always asked in sorted order"
    assert grader.grade("2", "3") is False and grader.grade("3", "3.0") is True


def test_what_is_missing_is_wrong_or_unknown_and_never_right() -> None:
    assert Grader("number").grade(None, "5") is False
    assert Grader("number").grade("five apples", "5") is False
    assert Grader("number").grade("5", None) is None
    assert Grader("number").grade("5", "five") is None
    with pytest.raises(InputError, match="kind must be one of"):
        Grader("nunber").grade("5", "5")
