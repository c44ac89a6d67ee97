"""Scored and graded samples as arrays: one confidence, one grade and one question per sample."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.metrics.folds import halves
from tts.answers import Grader
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.progress.phases import tracked
from tts.scorers.calibration.maps import fit_map

Floats = NDArray[np.float64]

AUTO = Grader()
"""The grading rule for answers of any kind."""


@dataclass(frozen=True, eq=False)
class ScoredSamples:
    """Graded samples with a confidence.

    Attributes:
        confidence: P(correct) or a raw score, higher for more certain, finite, [samples].
        correct: True for the samples that are right, [samples].
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
        """Refuse samples that no metric is defined on."""
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
        """The number of questions that have a sample here."""
        return int(self.question.max()) + 1

    @property
    def probabilities(self) -> bool:
        """True if every confidence lies in [0, 1]."""
        return bool(self.confidence.min() >= 0 and self.confidence.max() <= 1)

    @staticmethod
    def of(confidence: ArrayLike, correct: ArrayLike, question: ArrayLike | None = None) -> ScoredSamples:
        """Return samples from plain arrays.

        Args:
            confidence: One finite number per sample, [samples].
            correct: True for the samples that are right, booleans, [samples].
            question: Labels of one sortable type, [samples]; None makes each sample its own question.

        Raises:
            InputError: As the class.
        """
        scores = np.asarray(confidence, dtype=np.float64)
        labels = np.arange(scores.size) if question is None else np.asarray(question)
        _, number = np.unique(labels, return_inverse=True)
        return ScoredSamples(scores, np.asarray(correct), number.astype(np.int64))

    @staticmethod
    def of_pool(pool: Pool) -> ScoredSamples:
        """Return the samples of a pool that have a confidence and a grade.

        Grades are those of :func:`grades`. A sample without a readable answer that has a confidence stays in, as wrong:
        leaving it out would flatter a scorer that is certain of texts that never reach an answer.

        Raises:
            InputError: No sample has both.
        """
        confidence, correct, question = array("d"), array("b"), array("q")
        left_out, unparsed, number = Counter[str](), 0, 0
        for entry in tracked(pool.narrow().entries, "reading", "read", pool.facts.questions):
            before = len(confidence)
            for sample, right in zip(entry.samples, grades(entry), strict=True):
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
        """Return the samples with cross-fitted probabilities: each half of the questions by the map of the other half.

        Args:
            kind: "platt", "isotonic", "beta" or "temperature", see :func:`tts.scorers.calibration.maps.fit_map`.
            seed: Decides the halves, >= 0.

        Raises:
            InputError: Fewer than four questions, or the map cannot be fitted on one half.
        """
        fitted = np.empty_like(self.confidence)
        for fold in halves(self.questions, seed):
            fit, scored = np.isin(self.question, fold.fit), np.isin(self.question, fold.scored)
            fitted[scored] = fit_map(kind, self.confidence[fit], self.correct[fit])(self.confidence[scored])
        return replace(self, confidence=fitted)


def grades(entry: Entry, grader: Grader = AUTO) -> list[bool | None]:
    """Return the grade of each sample of a question: the recorded one, else that of the grading rule.

    Args:
        entry: the question and its samples.
        grader: the rule for samples without a recorded grade.

    Returns:
        One grade a sample, None where it is not recorded and there is no gold answer; a sample without a readable
        answer is then wrong.
    """
    return [
        grader.on(entry.problem).grade(sample.answer, entry.problem.golds) if recorded is None else bool(recorded)
        for sample, recorded in zip(entry.samples, entry.correct, strict=True)
    ]
