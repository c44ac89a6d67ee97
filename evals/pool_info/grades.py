"""The accuracy of recorded samples, and the recorded grades that contradict the gold answer of their own question."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from tts.answers.canonical import canonical
from tts.pool import Pool

EXACT = ("number", "choice")
"""Kinds whose canonical text decides equality; other kinds have answers that are equal without equal texts."""
_READABLE = 0.9
"""Share of the gold answers that a kind must read."""

Counted = tuple[Hashable, tuple[str, ...], str | None, bool | None, int]
"""A question, its gold answers, an answer, its recorded grade, and the number of samples that have both."""


@dataclass(frozen=True, slots=True)
class Grades:
    """The grades of recorded samples.

    Attributes:
        answers: the kind of answer by which they were compared with gold answers.
        accuracy: the mean over questions of the share of graded samples that are right, in [0, 1]; samples without a
            recorded grade are graded by the gold answer. None where nothing can be graded.
        wrong_but_equal: samples marked wrong that equal a gold answer.
        right_but_different: samples marked right that equal no gold answer, of numbers and choices alone.
    """

    answers: str
    accuracy: float | None
    wrong_but_equal: int
    right_but_different: int

    @property
    def sentences(self) -> list[str]:
        """The contradictions, one a line."""
        found = (
            (self.wrong_but_equal, "marked wrong equal", "the gold answer"),
            (self.right_but_different, "marked right differ", "from the gold answer"),
        )
        return [
            f"{count} sample{'s'[: count != 1]} {verb}{'s'[: count == 1]} {gold} under answers={self.answers}"
            for count, verb, gold in found
            if count
        ]


class Tally:
    """The answers and grades of a run's samples, counted question after question.

    Attributes:
        kind: the kind of answer.
        continued: whether any sample continues a prefix.
    """

    def __init__(self, kind: str) -> None:
        """Count answers of a kind."""
        self.kind, self.continued = kind, False
        self._wrong = self._right = self._distinct = self._questions = 0
        self._shares: list[float] = []
        self._at: Hashable = None
        self._golds: set[str] = set()
        self._good = self._graded = 0
        self._answers: set[str | None] = {None}

    def add(self, counted: Iterable[Counted]) -> Tally:
        """Count samples; those of one question follow each other, and no question comes twice. Return the tally."""
        for question, golds, answer, recorded, samples in counted:
            if question != self._at or not self._questions:
                self._end_question()
                self._at, self._questions = question, self._questions + 1
                self._golds = {key for gold in golds if (key := _read(gold, self.kind)) is not None}
            self._answers.add(answer)
            key = None if answer is None else _read(answer, self.kind)
            equal = key in self._golds if self._golds else None
            grade = equal if recorded is None else recorded
            if grade is not None:
                self._good += grade * samples
                self._graded += samples
            if recorded is False and equal and answer is not None:
                self._wrong += samples
            if recorded is True and equal is False and self.kind in EXACT and key is not None:
                self._right += samples
        self._end_question()
        self._at = None
        return self

    @property
    def questions(self) -> int:
        """The number of questions."""
        return self._questions

    @property
    def distinct_answers(self) -> float:
        """The mean number of different answers of a question; 0 without any."""
        return self._distinct / self._questions if self._questions else 0.0

    @property
    def grades(self) -> Grades:
        """The grades of all samples."""
        return Grades(self.kind, fmean(self._shares) if self._shares else None, self._wrong, self._right)

    def _end_question(self) -> None:
        self._distinct += len(self._answers) - 1
        if self._graded:
            self._shares.append(self._good / self._graded)
        self._good, self._graded, self._answers = 0, 0, {None}


def grades_of(counted: Iterable[Counted], kind: str | None = None) -> Grades:
    """Return the grades of samples.

    Args:
        counted: the samples, those of one question with the same answer and grade counted.
        kind: the kind of answer; None takes number or choice where nearly all gold answers are such, else text.
    """
    rows = list(counted)
    return Tally(kind or kind_of({golds for _, golds, *_ in rows if golds})).add(rows).grades


def pool_tally(pool: Pool, kind: str | None = None) -> Tally:
    """Return the counts of a pool's samples; see :func:`grades_of` for the kind."""
    entries = pool.narrow().entries
    return Tally(kind or kind_of({entry.problem.golds for entry in entries if entry.problem.golds})).add(
        (entry.problem.id, entry.problem.golds, sample.answer, grade, 1)
        for entry in entries
        for sample, grade in zip(entry.samples, entry.correct, strict=True)
    )


def kind_of(golds: Collection[tuple[str, ...]]) -> str:
    """Return number or choice where nearly all gold answers are such, else text.

    Args:
        golds: the right answers of each question that has any.
    """
    for kind in EXACT:
        readable = sum(any(_read(gold, kind) is not None for gold in one) for one in golds)
        if golds and readable >= _READABLE * len(golds):
            return kind
    return "text"


@lru_cache(maxsize=65536)
def _read(answer: str, kind: str) -> str | None:
    return canonical(answer, kind)
