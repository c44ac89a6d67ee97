"""The answers of a run of a pool file, counted without reading texts and traces."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

_COUNT = (
    "SELECT problem, answer, correct, count(*), max(given) > 0 FROM samples WHERE run = ? "
    "GROUP BY problem, answer, correct ORDER BY problem"
)


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """Samples of one question in one run that have the same answer and the same grade.

    Attributes:
        question: the number of the question within the file.
        golds: its right answers; empty where none is known.
        answer: the answer, or None where none could be read.
        correct: the recorded grade, or None.
        samples: their number.
        continued: whether any of them continues a prefix.
    """

    question: int
    golds: tuple[str, ...]
    answer: str | None
    correct: bool | None
    samples: int
    continued: bool


def answer_counts(connection: sqlite3.Connection, run: int) -> Iterator[AnswerCount]:
    """Yield the counts of a run of an open pool, those of one question one after the other."""
    rows = connection.execute("SELECT number, gold, accepted FROM problems")
    golds = {number: _golds(*row) for number, *row in rows}
    for question, answer, correct, samples, continued in connection.execute(_COUNT, (run,)):
        grade = None if correct is None else bool(correct)
        yield AnswerCount(question, golds[question], answer, grade, samples, bool(continued))


def golds_of(connection: sqlite3.Connection, run: int) -> set[tuple[str, ...]]:
    """Return the right answers of each question of a run that has any."""
    rows = connection.execute(
        "SELECT gold, accepted FROM problems p WHERE gold IS NOT NULL AND EXISTS "
        "(SELECT 1 FROM samples WHERE run = ? AND problem = p.number)",
        (run,),
    )
    return {_golds(*row) for row in rows}


def _golds(gold: str | None, accepted: str | None) -> tuple[str, ...]:
    return () if gold is None else (gold, *(json.loads(accepted) if accepted else ()))
