"""The accuracy of recorded samples, and the recorded grades that contradict the gold answer of their own question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
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


def grades_of(counted: Iterable[Counted], kind: str | None = None) -> Grades:
    """Return the grades of samples.

    Args:
        counted: the samples, those of one question with the same answer and grade counted.
        kind: the kind of answer; None takes number or choice where nearly all gold answers are such, else text.
    """
    rows = list(counted)
    kind = kind or _kind({golds for _, golds, *_ in rows if golds})
    wrong = right = 0
    shares: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for question, golds, answer, recorded, samples in rows:
        accepted = {key for gold in golds if (key := _read(gold, kind)) is not None}
        key = None if answer is None else _read(answer, kind)
        equal = key in accepted if accepted else None
        grade = equal if recorded is None else recorded
        if grade is not None:
            shares[question][0] += grade * samples
            shares[question][1] += samples
        if recorded is False and equal and answer is not None:
            wrong += samples
        if recorded is True and equal is False and kind in EXACT and key is not None:
            right += samples
    accuracy = fmean(good / total for good, total in shares.values()) if shares else None
    return Grades(kind, accuracy, wrong, right)


def pool_grades(pool: Pool, kind: str | None = None) -> Grades:
    """Return the grades of a pool's samples; see :func:`grades_of`."""
    return grades_of(
        (
            (entry.problem.id, entry.problem.golds, sample.answer, grade, 1)
            for entry in pool.narrow().entries
            for sample, grade in zip(entry.samples, entry.correct, strict=True)
        ),
        kind,
    )


def _kind(golds: Sequence[tuple[str, ...]] | set[tuple[str, ...]]) -> str:
    for kind in EXACT:
        readable = sum(any(_read(gold, kind) is not None for gold in one) for one in golds)
        if golds and readable >= _READABLE * len(golds):
            return kind
    return "text"


@lru_cache(maxsize=65536)
def _read(answer: str, kind: str) -> str | None:
    return canonical(answer, kind)
