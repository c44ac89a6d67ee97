"""The answers of a run of a pool file, counted without reading texts and traces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from operator import itemgetter

from tts.pool.sqlite.open_file import OpenFile

_COUNT = (
    "SELECT problem, json_group_array(answer), group_concat(coalesce(correct, 2), ''), max(given) > 0 FROM samples "
    "WHERE run = ? GROUP BY problem ORDER BY problem"
)
_GRADES = {"0": False, "1": True, "2": None}

Answers = Mapping[tuple[str | None, bool | None], int]
"""The number of samples by their answer and their grade; None is no answer, and no grade."""


@dataclass(frozen=True, slots=True)
class QuestionAnswers:
    """The answers to one question.

    Attributes:
        question: the number of the question within the file.
        golds: its right answers; empty where none is known.
        answers: the samples of each answer and grade.
        continued: whether any of them continues a prefix.
    """

    question: int
    golds: tuple[str, ...]
    answers: Answers
    continued: bool


def answers_of(file: OpenFile, run: int) -> Iterator[QuestionAnswers]:
    """Yield the answers of a run of an open pool, one question after the other."""
    rows = file.connection.execute("SELECT number, gold, accepted FROM problems")
    golds = {number: _golds(*row) for number, *row in rows}
    found = [_live(file, run), *([] if file.sealed is None else [file.sealed.answers(run)])]
    for question, group in groupby(merge(*found, key=itemgetter(0)), key=itemgetter(0)):
        counted = list(group)
        answers = counted[0][1] if len(counted) == 1 else sum((counts for _, counts, _ in counted), Counter())
        yield QuestionAnswers(question, golds[question], answers, any(continued for *_, continued in counted))


def _live(file: OpenFile, run: int) -> Iterator[tuple[int, Counter[tuple[str | None, bool | None]], bool]]:
    for question, answers, grades, continued in file.connection.execute(_COUNT, (run,)):
        counts = Counter(zip(json.loads(answers), map(_GRADES.__getitem__, grades), strict=True))
        yield question, counts, bool(continued)


def golds_of(file: OpenFile, run: int) -> set[tuple[str, ...]]:
    """Return the right answers of each question of a run that has any."""
    rows = file.connection.execute(
        "SELECT gold, accepted FROM problems p WHERE gold IS NOT NULL AND ("
        "EXISTS (SELECT 1 FROM samples WHERE run = ? AND problem = p.number) OR "
        "EXISTS (SELECT 1 FROM sealed WHERE run = ? AND problem = p.number))",
        (run, run),
    )
    return {_golds(*row) for row in rows}


def _golds(gold: str | None, accepted: str | None) -> tuple[str, ...]:
    return () if gold is None else (gold, *(json.loads(accepted) if accepted else ()))
