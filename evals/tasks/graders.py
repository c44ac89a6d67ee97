"""Grading rules of tasks: the kind of answer, and what counts as right beside equality."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tts.answers import Grader
from tts.answers.meaning.equality import Equality
from tts.answers.open_answers import contains_answer, token_f1
from tts.answers.reading import Kind

METRICS = ("exact", "contains", "f1")
"""The metrics of open answers."""
ENOUGH_F1 = 0.5
"""The F1 from which on an answer counts as right."""


def grader_of(kind: Kind, *, metric: str = "exact", tolerance: float = 0.0, equality: Equality | None = None) -> Grader:
    """Return the grading rule of a kind of answer.

    Args:
        kind: the kind.
        metric: of open answers: "exact"; "contains", a gold answer stands in the answer; "f1", they share words with an
            F1 of at least one half.
        tolerance: of numbers, the largest difference that is right.
        equality: the equality of votes, which grades too; None compares canonical texts.
    """
    near: Callable[[str, str], bool] | None = None
    if kind == "text" and metric != "exact":
        near = contains_answer if metric == "contains" else _alike
    if kind == "number" and tolerance > 0:
        bound = Fraction(tolerance)

        def near(answer: str, gold: str) -> bool:
            return abs(Fraction(answer) - Fraction(gold)) <= bound

    return Grader(kind, near=near, equality=equality)


def _alike(answer: str, gold: str) -> bool:
    return token_f1(answer, gold) >= ENOUGH_F1
