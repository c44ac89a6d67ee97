"""A pool as arrays: one row a question, equivalent answers merged, ready to be permuted and replayed.

Knows pools and answers, nothing about strategies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.independent import dependence
from evals.replay.traces import RecordedQuestions
from tts.answers import Grader, Merged, merge
from tts.answers.meaning.equality import Equality
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.progress.phases import tracked

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
        tokens: generated tokens of each sample, [questions, samples], whole numbers of the smallest type that holds
            them, 0 as padding; None where the pool does not count them.
        tiers: the number of answer classes that each tier of merging made ("exact", "canonical", "pairwise").
        conflicts: the number of answer classes whose samples have different grades; the majority counts.
        recorded: the samples with their traces, one a question; None where strategies need none.
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
    recorded: RecordedQuestions | None = None
    prompt: Array | None = None
    cached: Array | None = None

    @property
    def questions(self) -> int:
        """The number of questions."""
        return len(self.ids)

    @property
    def sample_correct(self) -> Array:
        """True for the samples that are right, [questions, samples]; False where unparsed or padding."""
        return self.right(slice(None))

    def right(self, rows: Array | slice) -> Array:
        """Return True for the right samples of the questions at these places, [rows, samples]."""
        labels = self.labels[rows]
        right = np.take_along_axis(self.class_correct[rows], np.maximum(labels, 0).astype(np.intp), axis=1)
        return right & (labels >= 0)

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
        if lack := dependence(pool):
            raise InputError(f"{pool.path}: {lack} and cannot be replayed: draw a pool with `tts sample`")
        facts, entries = pool.facts, pool.narrow("usage").entries
        shape = facts.questions, facts.samples_max
        labels = np.full(shape, -1, dtype=np.int8)
        confidence = np.full(shape, np.nan) if facts.confidences or pool.scored_by else None
        names = ("tokens", "prompt", "cached") if facts.has_tokens else ()
        counts = {name: np.zeros(shape, dtype=np.uint8) for name in names}
        ids, sizes, classes, correct, tiers, conflicts, unscored = [], [], [], [], Counter[str](), 0, 0
        for q, entry in enumerate(tracked(entries, "reading", "read", facts.questions)):
            samples = entry.samples
            grader = Grader(answers, equality=equality).on(entry.problem)
            merged = merge([s.answer for s in samples], kind=answers, equal=grader.equal)
            labels = _filled(labels, q, merged.labels)
            grades, clashes = _grade(pool.path, entry, merged, grader)
            ids.append(entry.problem.id)
            sizes.append(len(samples))
            classes.append(tuple(map(intern, merged.classes)))
            correct.append(grades)
            tiers.update(merged.tiers)
            conflicts += clashes
            if confidence is not None:
                confidence[q, : len(samples)] = [np.nan if s.confidence is None else s.confidence for s in samples]
                unscored += sum(s.confidence is None for s in entry.answered)
            if counts:
                usages = [s.usage for s in samples if s.usage is not None]
                read = [usage.prompt + usage.scorer_prefill for usage in usages]
                counts["tokens"] = _filled(counts["tokens"], q, [usage.generated for usage in usages])
                counts["prompt"] = _filled(counts["prompt"], q, read)
                counts["cached"] = _filled(counts["cached"], q, [usage.prompt_cached for usage in usages])
        class_correct = np.zeros((facts.questions, max(1, *(len(c) for c in classes))), dtype=bool)
        for q, grades in enumerate(correct):
            class_correct[q, : len(grades)] = grades
        return PoolArrays(
            ids=tuple(ids),
            sizes=np.array(sizes),
            labels=labels,
            class_correct=class_correct,
            classes=tuple(classes),
            confidence=confidence if not unscored and (labels >= 0).any() else None,
            tokens=counts.get("tokens"),
            tiers=dict(sorted(tiers.items())),
            conflicts=conflicts,
            recorded=RecordedQuestions(pool.read),
            prompt=counts.get("prompt"),
            cached=counts.get("cached"),
        )


def _filled(array: Array, row: int, values: Sequence[int]) -> Array:
    """Return an array with whole numbers at the front of a row, of a wider type where they need one."""
    if values and (top := max(values)) > np.iinfo(array.dtype).max:
        array = array.astype(np.min_scalar_type(top if array.dtype.kind == "u" else -top - 1))
    array[row, : len(values)] = values
    return array


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
