"""The answers of each run of a pool file, counted without reading texts and traces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from tts.pool.sqlite.connect import open_reader

_COUNT = (
    "SELECT s.run, p.number, p.gold, p.accepted, s.answer, s.correct, count(*), max(coalesce(s.given, 0)) > 0 "
    "FROM samples s JOIN problems p ON p.number = s.problem GROUP BY s.run, s.problem, s.answer, s.correct "
    "ORDER BY s.run, s.problem"
)


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """Samples of one question in one run that have the same answer and the same grade.

    Attributes:
        run: the number of the run.
        question: the number of the question within the file.
        golds: its right answers; empty where none is known.
        answer: the answer, or None where none could be read.
        correct: the recorded grade, or None.
        samples: their number.
        continued: whether any of them continues a prefix.
    """

    run: int
    question: int
    golds: tuple[str, ...]
    answer: str | None
    correct: bool | None
    samples: int
    continued: bool


def answer_counts(path: str | os.PathLike[str]) -> Iterator[AnswerCount]:
    """Yield the counts of a file, by run and question.

    Raises:
        InputError: it is missing or no pool.
    """
    with closing(open_reader(path)) as connection:
        for run, question, gold, accepted, answer, correct, samples, continued in connection.execute(_COUNT):
            golds = () if gold is None else (gold, *(json.loads(accepted) if accepted else ()))
            grade = None if correct is None else bool(correct)
            yield AnswerCount(run, question, golds, answer, grade, samples, bool(continued))
