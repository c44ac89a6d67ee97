"""Accuracies of recorded samples, and grades that contradict the gold answer."""

from __future__ import annotations

import pytest

from evals.pool_info.grades import Counted, Grades, grades_of


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], Grades("text", None, 0, 0)),
        ([("q", (), "7", None, 2)], Grades("text", None, 0, 0)),
        ([("q", ("7",), "7.0", None, 1), ("q", ("7",), "8", None, 1)], Grades("number", 0.5, 0, 0)),
        ([("q", ("7",), "7.0", False, 3), ("q", ("7",), None, False, 1)], Grades("number", 0.0, 3, 0)),
        ([("q", ("7",), "8", True, 2), ("r", ("9",), "9", True, 1)], Grades("number", 1.0, 0, 2)),
        ([("q", ("A",), "B", True, 1)], Grades("choice", 1.0, 0, 1)),
        ([("q", ("x+1",), "1+x", True, 1), ("q", ("x+1",), "x+1", False, 1)], Grades("text", 0.5, 1, 0)),
        ([("q", ("7", "seven"), "seven", False, 1)], Grades("number", 0.0, 0, 0)),
    ],
)
def test_grades(rows: list[Counted], expected: Grades) -> None:
    assert grades_of(rows) == expected


def test_questions_count_the_same_and_contradictions_are_sentences() -> None:
    rows: list[Counted] = [("q", ("7",), "7", None, 9), ("q", ("7",), "6", None, 1), ("r", ("7",), "7", False, 1)]
    found = grades_of([*rows, ("s", ("7",), "6", True, 2)])
    assert found.accuracy == pytest.approx((0.9 + 0 + 1) / 3)
    assert found.sentences == [
        "1 sample marked wrong equals the gold answer under answers=number",
        "2 samples marked right differ from the gold answer under answers=number",
    ]
