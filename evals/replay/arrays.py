"""A pool as arrays: one row a question, equivalent answers merged, ready to be permuted and replayed.

Knows pools and answers, nothing about strategies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.traces import RecordedTraces
from tts.answers import Grader, Merged, merge
from tts.answers.meaning.equality import Equality
from tts.errors import InputError
from tts.pool import Entry, Pool

Array = NDArray[Any]


@dataclass(frozen=True)
class PoolArrays:
    """The samples of a pool; row q holds question q's, padded on the right to the longest.

    Attributes:
        ids: question ids, [questions].
        sizes: samples of each question, [questions].
        labels: answer class of each sample, [questions, samples]: numbered by first appearance, -1 unparsed.
        class_correct: True for the answer classes that are right, [questions, classes].
        classes: the canonical answer of each class, a tuple a question.
        confidence: recorded confidence or raw score, [questions, samples], NaN where absent; None without any.
        tokens: generated tokens of each sample, [questions, samples]; None where the pool does not count them.
        tiers: the number of answer classes that each tier of merging made ("exact", "canonical", "pairwise").
        conflicts: the number of answer classes whose samples have different grades; the majority counts.
        recorded: the samples with their traces, one a question; empty where strategies need none.
        prompt: prompt tokens computed for each sample, those that a scorer read included; None as ``tokens``.
        cached: prompt tokens that came from a cache; None as ``tokens``.
    """

    ids: tuple[str, ...]
    sizes: Array
    labels: Array
    class_correct: Array
    classes: tuple[tuple[str, ...], ...]
    confidence: Array | None
    tokens: Array | None
    tiers: dict[str, int]
    conflicts: int
    recorded: tuple[RecordedTraces, ...] = ()
    prompt: Array | None = None
    cached: Array | None = None

    @property
    def questions(self) -> int:
        """The number of questions."""
        return len(self.ids)

    @property
    def sample_correct(self) -> Array:
        """True for the samples that are right, [questions, samples]; False where unparsed or padding."""
        right = np.take_along_axis(self.class_correct, np.maximum(self.labels, 0).astype(np.intp), axis=1)
        return right & (self.labels >= 0)

    def subset(self, rows: Array) -> PoolArrays:
        """Return the questions at these indices, in this order."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in rows),
            sizes=self.sizes[rows],
            labels=self.labels[rows],
            class_correct=self.class_correct[rows],
            classes=tuple(self.classes[i] for i in rows),
            confidence=None if self.confidence is None else self.confidence[rows],
            tokens=None if self.tokens is None else self.tokens[rows],
            recorded=tuple(self.recorded[i] for i in rows) if self.recorded else (),
            prompt=None if self.prompt is None else self.prompt[rows],
            cached=None if self.cached is None else self.cached[rows],
        )

    @staticmethod
    def of(pool: Pool, *, answers: str = "auto", equality: Equality | None = None) -> PoolArrays:
        """Return the arrays of a pool.

        Args:
            pool: the recorded samples.
            answers: the kind of answer, which chooses the canonical form (see :func:`tts.answers.canonical`).
            equality: merges further answers; None compares canonical texts alone.

        Raises:
            InputError: a sample has no grade and its question no gold answer, or samples continue a prefix.
        """
        questions, width = len(pool.entries), pool.samples_max
        labels = np.full((questions, width), -1, dtype=np.int16 if width < 1 << 15 else np.int32)
        classes, correct, tiers, conflicts = [], [], Counter[str](), 0
        for q, entry in enumerate(pool.entries):
            if any(s.given for s in entry.samples):
                raise InputError(
                    f"{pool.path}: samples of question {entry.problem.id!r} continue a prefix, so they are no "
                    "independent draws and cannot be replayed: draw a pool with `tts sample`"
                )
            grader = Grader(answers, equality=equality).on(entry.problem)
            merged = merge([s.answer for s in entry.samples], kind=answers, equal=grader.equal)
            labels[q, : len(merged.labels)] = merged.labels
            classes.append(merged.classes)
            tiers.update(merged.tiers)
            grades, clashes = _grade(pool.path, entry, merged, grader)
            correct.append(grades)
            conflicts += clashes
        class_correct = np.zeros((questions, max(1, *(len(c) for c in classes))), dtype=bool)
        for q, grades in enumerate(correct):
            class_correct[q, : len(grades)] = grades
        return PoolArrays(
            ids=tuple(e.problem.id for e in pool.entries),
            sizes=np.array([len(e.samples) for e in pool.entries]),
            labels=labels,
            class_correct=class_correct,
            classes=tuple(classes),
            confidence=_column(pool, width, lambda s: s.confidence) if pool.has_confidence else None,
            tokens=_column(pool, width, lambda s: s.usage.generated) if pool.has_tokens else None,
            tiers=dict(sorted(tiers.items())),
            conflicts=conflicts,
            recorded=tuple(RecordedTraces(entry.samples) for entry in pool.entries),
            prompt=_column(pool, width, lambda s: s.usage.prompt + s.usage.scorer_prefill) if pool.has_tokens else None,
            cached=_column(pool, width, lambda s: s.usage.prompt_cached) if pool.has_tokens else None,
        )


def _column(pool: Pool, width: int, read: Callable[[Any], float | None]) -> Array:
    out = np.full((len(pool.entries), width), np.nan)
    for q, entry in enumerate(pool.entries):
        values = [read(s) for s in entry.samples]
        out[q, : len(values)] = [np.nan if v is None else v for v in values]
    return out


def _grade(path: str, entry: Entry, merged: Merged, grader: Grader) -> tuple[list[bool], int]:
    """Return the grade of each answer class, and how many classes carried different grades.

    A class has the grade of most of its graded samples; one without such is right where any of its answers is, by the
    grading rule.
    """
    grades, conflicts = [], 0
    for k in range(len(merged.classes)):
        mine = [i for i, label in enumerate(merged.labels) if label == k]
        recorded = [grade for i in mine if (grade := entry.correct[i]) is not None]
        if recorded:
            grades.append(2 * sum(recorded) > len(recorded))
            conflicts += len(set(recorded)) > 1
            continue
        found = {grader.grade(answer, entry.problem.golds) for answer in {entry.samples[i].answer for i in mine}}
        if None in found:
            raise InputError(
                f"{path}: question {entry.problem.id!r} has ungraded samples and no gold answer to grade them by; "
                "add `correct` to each sample or `gold` to the question (`tts decide` and `tts rerank` need neither)"
            )
        grades.append(True in found)
    return grades, conflicts
