"""Scored and graded samples as arrays, and the counts that every metric of a confidence is computed from.

``ScoredSamples`` is what a pool says: one confidence, one grade and one question per sample. ``Counts`` is what remains
of it once the order of the samples is forgotten: how many samples and how many correct ones each distinct confidence
has, in the data or in bootstrap resamples of its questions. Ties and permutations are thereby out of every metric's
way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.comparison.fit import halves
from tts.answers import canonical
from tts.errors import InputError
from tts.pool import Pool
from tts.scorers.maps import fit_map
from tts.types import Sample

Floats = NDArray[np.float64]

_CHUNK = 2_000_000  # resampled samples held at a time
_ROWS = 1000  # resamples held at a time, at most


@dataclass(frozen=True, eq=False)
class ScoredSamples:
    """Graded samples with a confidence.

    Attributes:
        confidence: P(correct) or a raw score, higher is surer, finite, [samples].
        correct: whether each sample is right, [samples].
        question: the question of each sample, numbered from 0 without gaps, [samples].
        left_out: samples of the pool that are not among these, by reason.
        unparsed: samples among these without a readable answer, all of them wrong.

    Raises:
        InputError: there are no samples, the shapes differ, a confidence is not finite or a grade no boolean.
    """

    confidence: Floats
    correct: NDArray[np.bool_]
    question: NDArray[np.int64]
    left_out: dict[str, int] = field(default_factory=dict)
    unparsed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no metric is defined on."""
        shapes = {self.confidence.shape, self.correct.shape, self.question.shape}
        if len(shapes) > 1 or self.confidence.ndim != 1 or not self.confidence.size:
            raise InputError(
                "Metrics of a confidence need one confidence, grade and question per sample and at least one sample, "
                f"got shapes {self.confidence.shape}, {self.correct.shape} and {self.question.shape}: pair them."
            )
        if self.correct.dtype != np.bool_:
            raise InputError(f"Grades must be True or False, got {self.correct.dtype}: grade each sample.")
        if not np.isfinite(self.confidence).all():
            raise InputError("Confidences must be finite, got NaN or infinity: leave those samples out.")

    @property
    def questions(self) -> int:
        """How many questions have a sample here."""
        return int(self.question.max()) + 1

    @property
    def probabilities(self) -> bool:
        """Whether every confidence lies in [0, 1]."""
        return bool(self.confidence.min() >= 0 and self.confidence.max() <= 1)

    @staticmethod
    def of(confidence: ArrayLike, correct: ArrayLike, question: ArrayLike | None = None) -> ScoredSamples:
        """Samples from plain arrays.

        Args:
            confidence: One finite number per sample, [samples].
            correct: Whether each is right, booleans, [samples].
            question: Labels of one sortable type, [samples]; None: each sample is a question of its own.

        Raises:
            InputError: As the class.
        """
        scores = np.asarray(confidence, dtype=np.float64)
        labels = np.arange(scores.size) if question is None else np.asarray(question)
        _, number = np.unique(labels, return_inverse=True)
        return ScoredSamples(scores, np.asarray(correct), number.astype(np.int64))

    @staticmethod
    def of_pool(pool: Pool) -> ScoredSamples:
        """The samples of a pool that have a confidence and a grade.

        The recorded grade counts. Without one, a sample without a readable answer is wrong, and any other is compared
        with the gold answer in canonical form. A sample without a readable answer that has a confidence stays in, as
        wrong: its confidence claims that it is right, and leaving it out would flatter a scorer that is sure of texts
        that never reach an answer.

        Raises:
            InputError: No sample has both.
        """
        confidence: list[float] = []
        correct: list[bool] = []
        question: list[int] = []
        left_out, unparsed, number = Counter[str](), 0, 0
        for entry in pool.entries:
            before = len(confidence)
            gold = None if entry.problem.gold is None else canonical(entry.problem.gold)
            for sample, recorded in zip(entry.samples, entry.correct, strict=True):
                right = grade(sample, recorded, gold)
                if sample.confidence is None:
                    left_out["no confidence"] += 1
                elif right is None:
                    left_out["no grade, and no gold answer to grade by"] += 1
                else:
                    confidence.append(sample.confidence)
                    correct.append(right)
                    question.append(number)
                    unparsed += sample.answer is None
            number += len(confidence) > before
        if not confidence:
            reasons = " and ".join(f"{count} have {reason}" for reason, count in left_out.items())
            raise InputError(
                f"{pool.path}: calibration needs samples with a confidence and a grade, but of its samples {reasons}; "
                "record confidences and grades, or name a score with --score"
            )
        return ScoredSamples(
            np.array(confidence, dtype=np.float64),
            np.array(correct, dtype=np.bool_),
            np.array(question, dtype=np.int64),
            dict(left_out),
            unparsed,
        )

    def calibrated(self, kind: str, seed: int) -> ScoredSamples:
        """The same samples with cross-fitted probabilities: each half of the questions by the map of the other half.

        Args:
            kind: "platt", "isotonic", "beta" or "temperature", see :func:`tts.scorers.maps.fit_map`.
            seed: Decides the halves, >= 0.

        Raises:
            InputError: Fewer than four questions, or the map cannot be fitted on one half.
        """
        fitted = np.empty_like(self.confidence)
        for fold in halves(self.questions, seed):
            fit, scored = np.isin(self.question, fold.fit), np.isin(self.question, fold.scored)
            fitted[scored] = fit_map(kind, self.confidence[fit], self.correct[fit])(self.confidence[scored])
        return replace(self, confidence=fitted)


def grade(sample: Sample, recorded: bool | None, gold: str | None) -> bool | None:
    """Whether a sample is right: as recorded, else by its answer; None where neither says.

    Args:
        sample: without a readable answer it is wrong.
        recorded: the grade that the pool keeps, or None.
        gold: the right answer in canonical form, or None.
    """
    if recorded is not None:
        return bool(recorded)
    if sample.answer is None:
        return False
    return None if gold is None else canonical(sample.answer) == gold


@dataclass(frozen=True, eq=False)
class Counts:
    """What a set of samples, or each of several resamples of it, holds; every metric is a function of this.

    Attributes:
        values: the distinct confidences, ascending, [values].
        total: samples at each confidence, whole numbers, [resamples, values].
        right: correct ones among them, [resamples, values].
        pairs: pairs of a correct and a wrong sample of one question, [resamples].
        won: those in which the correct one has the higher confidence, ties half, [resamples].
    """

    values: Floats
    total: Floats
    right: Floats
    pairs: Floats
    won: Floats

    @property
    def wrong(self) -> Floats:
        """Wrong samples at each confidence, [resamples, values]."""
        return self.total - self.right

    @property
    def samples(self) -> Floats:
        """How many samples there are, [resamples, 1]."""
        return np.asarray(self.total.sum(axis=1, keepdims=True))

    @staticmethod
    def of(judged: ScoredSamples) -> Counts:
        """The counts of the samples as they are: one row."""
        (counts,) = resampled(judged, np.ones((1, judged.questions)))
        return counts


def resampled(judged: ScoredSamples, times: Floats) -> Iterator[Counts]:
    """The counts of resamples that hold each question a number of times, in chunks of rows.

    Args:
        judged: The samples.
        times: How often each question is drawn, whole numbers, [resamples, questions].

    Yields:
        Counts of consecutive rows of ``times``, few enough at a time to bound memory.
    """
    order = np.argsort(judged.confidence, kind="stable")
    values, starts = np.unique(judged.confidence[order], return_index=True)
    question, correct = judged.question[order], judged.correct[order].astype(np.float64)
    pairs, won = _pairs(judged)
    rows = min(_ROWS, max(1, _CHUNK // len(order)))
    for start in range(0, len(times), rows):
        block = times[start : start + rows]
        drawn = np.take(block, question, axis=1)
        total = np.add.reduceat(drawn, starts, axis=1)
        drawn *= correct
        yield Counts(values, total, np.add.reduceat(drawn, starts, axis=1), block @ pairs, block @ won)


def _pairs(judged: ScoredSamples) -> tuple[Floats, Floats]:
    """Of each question, the pairs of a correct and a wrong sample, and those won (ties half), [questions] each."""
    order = np.lexsort((judged.confidence, judged.question))
    question, score = judged.question[order], judged.confidence[order]
    right = judged.correct[order].astype(np.float64)
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(question) != 0) | (np.diff(score) != 0)
    starts = np.flatnonzero(new)  # of the groups of equal confidence within a question
    owner = question[starts]
    hits, misses = np.add.reduceat(right, starts), np.add.reduceat(1 - right, starts)
    size = judged.questions
    rights: Floats = np.bincount(owner, weights=hits, minlength=size).astype(np.float64)
    wrongs: Floats = np.bincount(owner, weights=misses, minlength=size).astype(np.float64)
    earlier = np.cumsum(wrongs) - wrongs  # wrong samples of the questions before this one
    below = np.cumsum(misses) - misses - earlier[owner]
    won: Floats = np.bincount(owner, weights=hits * (below + misses / 2), minlength=size).astype(np.float64)
    return rights * wrongs, won
