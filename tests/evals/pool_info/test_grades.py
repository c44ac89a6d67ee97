"""Accuracies of recorded samples, and grades that contradict the gold answer."""

from __future__ import annotations

import pytest

from evals.pool_info.grades import Grades, Tally, kind_of

Counted = tuple[tuple[str, ...], dict[tuple[str | None, bool | None], int]]


def tally(*questions: Counted) -> Tally:
    found = Tally(kind_of([golds for golds, _ in questions if golds]))
    for golds, answers in questions:
        found.add(golds, answers)
    return found


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        ([], Grades("text", None, 0, 0)),
        ([((), {("7", None): 2})], Grades("text", None, 0, 0)),
        ([(("7",), {("7.0", None): 1, ("8", None): 1})], Grades("number", 0.5, 0, 0)),
        ([(("7",), {("7.0", False): 3, (None, False): 1})], Grades("number", 0.0, 3, 0)),
        ([(("7",), {("8", True): 2}), (("9",), {("9", True): 1})], Grades("number", 1.0, 0, 2)),
        ([(("A",), {("B", True): 1})], Grades("choice", 1.0, 0, 1)),
        ([(("x+1",), {("1+x", True): 1, ("x+1", False): 1})], Grades("text", 0.5, 1, 0)),
        ([(("7", "seven"), {("seven", False): 1})], Grades("number", 0.0, 0, 0)),
    ],
)
def test_grades(questions: list[Counted], expected: Grades) -> None:
    assert tally(*questions).grades == expected


def test_questions_count_the_same_and_contradictions_are_sentences() -> None:
    found = tally((("7",), {("7", None): 9, ("6", None): 1}), (("7",), {("7", False): 1}), (("7",), {("6", True): 2}))
    assert found.grades.accuracy == pytest.approx((0.9 + 0 + 1) / 3) and found.distinct_answers == pytest.approx(4 / 3)
    assert found.grades.sentences == [
        "1 sample marked wrong equals the gold answer under answers=number",
        "2 samples marked right differ from the gold answer under answers=number",
    ]
