"""Grading rules of tasks: the kind of answer, and what counts as right beside equality."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from evals.tasks.base import ENOUGH
from tts.answers import Grader
from tts.answers.meaning.equality import Equality
from tts.answers.open_answers import contains_answer, token_f1
from tts.answers.reading import Kind
from tts.types import Problem

METRICS = ("exact", "contains", "f1")
"""The metrics of open answers."""


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


def f1_reward(problem: Problem, answer: str | None) -> float:
    """Return the largest F1 of an answer with one of the gold answers, 0 without an answer."""
    return 0.0 if answer is None else max((token_f1(answer, gold) for gold in problem.golds), default=0.0)


def _alike(answer: str, gold: str) -> bool:
    return token_f1(answer, gold) >= ENOUGH
