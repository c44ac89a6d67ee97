"""The accuracy of recorded samples, and the recorded grades that contradict the gold answer of their own question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from tts.answers.canonical import canonical
from tts.pool import Pool
from tts.pool.sqlite.counts import Answers

EXACT = ("number", "choice")
"""Kinds whose canonical text decides equality; other kinds have answers that are equal without equal texts."""
_READABLE = 0.9
"""Share of the gold answers that a kind must read."""


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
        questions: the number of questions.
        continued: whether any sample continues a prefix.
    """

    def __init__(self, kind: str) -> None:
        """Count answers of a kind."""
        self.kind, self.questions, self.continued = kind, 0, False
        self._wrong = self._right = self._distinct = 0
        self._shares: list[float] = []

    def add(self, golds: Sequence[str], answers: Answers) -> None:
        """Count the samples of one question, by their answer and their recorded grade."""
        right = {key for gold in golds if (key := _read(gold, self.kind)) is not None}
        good = graded = 0
        for (answer, recorded), samples in answers.items():
            key = None if answer is None else _read(answer, self.kind)
            equal = key in right if right else None
            grade = equal if recorded is None else recorded
            if grade is not None:
                good += grade * samples
                graded += samples
            if recorded is False and equal and answer is not None:
                self._wrong += samples
            if recorded is True and equal is False and self.kind in EXACT and key is not None:
                self._right += samples
        self.questions += 1
        self._distinct += len({answer for answer, _ in answers} - {None})
        if graded:
            self._shares.append(good / graded)

    @property
    def distinct_answers(self) -> float:
        """The mean number of different answers of a question; 0 without any."""
        return self._distinct / self.questions if self.questions else 0.0

    @property
    def grades(self) -> Grades:
        """The grades of all samples."""
        return Grades(self.kind, fmean(self._shares) if self._shares else None, self._wrong, self._right)


def pool_tally(pool: Pool, kind: str | None = None) -> Tally:
    """Return the counts of a pool's samples.

    Args:
        pool: the recorded samples.
        kind: the kind of answer; None takes that of the gold answers, see :func:`kind_of`.
    """
    entries = pool.narrow().entries
    found = Tally(kind or kind_of({entry.problem.golds for entry in entries if entry.problem.golds}))
    for entry in entries:
        found.add(entry.problem.golds, Counter(zip((s.answer for s in entry.samples), entry.correct, strict=True)))
    return found


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
