"""Grading rules of tasks: the kind of answer, and what counts as right beside equality."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache

from tts.answers import Grader, MathVerifier
from tts.answers.open_answers import contains_answer, token_f1
from tts.answers.reading import Kind
from tts.errors import UnsupportedError

METRICS = ("exact", "contains", "f1")
"""The metrics of open answers."""
ENOUGH_F1 = 0.5
"""The F1 from which on an answer counts as right."""


def grader_of(kind: Kind, *, metric: str = "exact", tolerance: float = 0.0) -> Grader:
    """Return the grading rule of a kind of answer.

    Args:
        kind: the kind; "math" is graded by math-verify too where it is installed.
        metric: of open answers: "exact"; "contains", a gold answer stands in the answer; "f1", they share words with an
            F1 of at least one half.
        tolerance: of numbers, the largest difference that is right.
    """
    near: Callable[[str, str], bool] | None = None
    if kind == "text" and metric != "exact":
        near = contains_answer if metric == "contains" else _alike
    if kind == "number" and tolerance > 0:
        bound = Fraction(tolerance)

        def near(answer: str, gold: str) -> bool:
            return abs(Fraction(answer) - Fraction(gold)) <= bound

    return Grader(kind, _math_equal() if kind == "math" else None, near)


def _alike(answer: str, gold: str) -> bool:
    return token_f1(answer, gold) >= ENOUGH_F1


@cache
def _math_equal() -> Callable[[str, str], bool] | None:
    """Return the equality of math-verify, whose process starts when it is first asked; None where it is missing."""
    try:
        return MathVerifier().equal
    except UnsupportedError:
        return None
