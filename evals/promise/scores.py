"""The score of one answer a question, by the way in which a verifier or a solver will judge answers.

- ``read``: the question's first sample, with its score.
- ``draw(N)``: the answer of the first sample, checked by the next N samples; see :class:`~strategies.check.Check`.
- ``solve(STRATEGY, BUDGET)``: the decision of a strategy on the first samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.decisions.session import decides, recorded_kind, spelled_alike
from evals.methods import methods
from evals.metrics.scored import grades
from evals.replay.provenance import is_calibrated
from evals.replay.rescore import STACKED, check_score, rescored
from evals.replay.traces import recorded_source
from strategies.check import Check
from tts.errors import InputError
from tts.pool import Entry, Pool
from tts.progress.phases import tracked
from tts.runtime.recorded import decide
from tts.scorers.calibration.calibration_file import READ
from tts.scorers.calibration.promise_file import decision_score
from tts.scorers.calibration.reference import Reference, mean_logprob
from tts.scorers.trace_scores import WINDOW
from tts.types import Sample

Array = NDArray[Any]
Judged = tuple[float | None, str | None, Sequence[Sample]]
"""The score of an answer, the answer, and the samples that were read or drawn for it."""


@dataclass(frozen=True)
class QuestionScores:
    """One answer a question, with its score and grade.

    Attributes:
        how: the way of judging.
        scores: [questions]; NaN where there is no answer, or nothing is known about it.
        right: whether the answer is right, [questions].
        reference: the scores and log-probabilities.
    """

    how: str
    scores: Array
    right: Array
    reference: Reference


@dataclass(frozen=True)
class Judging:
    """The way of judging.

    Attributes:
        score: the label of recorded scores, or a score that is computed from recorded samples.
        draws: the most draws that check an answer; None where none are drawn.
        strategy: a strategy that decides, by name or as a mapping; None where none does.
        budget: its budget.
        window: tokens in a group, for scores that look at groups.
    """

    score: str
    draws: int | None = None
    strategy: Any = None
    budget: int | None = None
    window: int = WINDOW

    def __post_init__(self) -> None:
        """Refuse two ways at once, and half of one."""
        if self.draws is not None and self.strategy is not None:
            raise InputError("draws=N checks an answer and strategy=NAME finds one: leave one of them out")
        if (self.strategy is None) != (self.budget is None):
            raise InputError("a strategy that decides needs strategy=NAME and budget=N: give both, or none")
        for name, number in (("draws", self.draws), ("budget", self.budget)):
            if number is not None and number < 1:
                raise InputError(f"{name} must be at least 1, got {number}")

    @property
    def bare(self) -> bool:
        """True if answers are judged without a text."""
        return self.draws is not None

    def on(self, pool: Pool) -> QuestionScores:
        """Return the scores of a pool's questions; those whose answer has no grade are left out.

        Raises:
            InputError: an unknown score or strategy, scores that are calibrated already, a question with too few
                samples, or no graded answer.
            UnsupportedError: a sample lacks a confidence in [0, 1] that votes need.
        """
        check_score(self.score, pool)
        if self.score == STACKED and STACKED not in pool.scorers:
            raise InputError(
                f"{pool.path}: stacked scores of a pool are fitted on its own grades: fit weights on another one "
                "(`tts calibrate --score stacked`), and add their scores with `tts score`"
            )
        raw = self.draws is None and self.strategy is None and self.score != STACKED
        scored = rescored(pool, self.score, raw=raw, probability=not raw, window=self.window)
        if scored.scored_by and is_calibrated(pool, self.score):
            raise InputError(
                f"{pool.path}: the scores {self.score!r} are calibrated already: fit on a score that is not"
            )
        kind = recorded_kind(pool) or "auto"
        how, needed, judge = self._way(scored)
        scores, right, logprobs = [], [], []
        for entry in tracked(scored.entries, "judging", "read", scored.questions):
            if len(entry.samples) < needed:
                raise InputError(
                    f"{pool.path}: question {entry.problem.id!r} has {len(entry.samples)} samples and {how} needs "
                    f"{needed}: draw more samples for it, or ask for fewer"
                )
            samples = spelled_alike(entry.samples[:needed], kind)
            score, answer, read = judge(entry, samples)
            grade = _grade(samples, grades(entry), answer)
            if grade is None:
                continue
            scores.append(np.nan if score is None or answer is None else score)
            right.append(grade)
            if (logprob := mean_logprob(read)) is not None:
                logprobs.append(logprob)
        if not scores:
            raise InputError(
                f"{pool.path}: calibration needs graded answers and the pool has none: "
                "give its questions a gold answer, or grade its samples"
            )
        found = np.array(scores, dtype=np.float64)
        reference = Reference.of(found[~np.isnan(found)].tolist(), logprobs)
        return QuestionScores(how, found, np.array(right, dtype=np.bool_), reference)

    def _way(self, pool: Pool) -> tuple[str, int, Callable[[Entry, list[Sample]], Judged]]:
        """Return the name of the way, the samples that it needs of a question, and the judge of a question."""
        if self.draws is not None:
            return f"draw({self.draws})", self.draws + 1, self._drawn
        if self.strategy is None:
            return READ, 1, _read
        assert self.budget is not None
        [method], _ = methods([self.strategy], recorded_source(pool), window=self.window, check=decides)
        strategy = method.build(self.budget)

        def solved(entry: Entry, samples: list[Sample]) -> Judged:
            decision = decide(strategy, entry.problem, samples)
            return decision_score(decision), decision.answer, decision.samples

        return f"solve({method.name}, {self.budget})", self.budget, solved

    def _drawn(self, entry: Entry, samples: list[Sample]) -> Judged:
        answer = samples[0].answer
        if answer is None:
            return None, None, samples[1:]
        assert self.draws is not None
        decision = decide(Check(answer, self.draws), entry.problem, samples[1:])
        return decision_score(decision), answer, decision.samples


def _read(entry: Entry, samples: list[Sample]) -> Judged:
    return samples[0].confidence, samples[0].answer, samples[:1]


def _grade(samples: Sequence[Sample], marks: Sequence[bool | None], answer: str | None) -> bool | None:
    """Return the grade of an answer: that of the first sample that gives it and has one; no answer is wrong."""
    if answer is None:
        return False
    return next(
        (right for sample, right in zip(samples, marks, strict=False) if sample.answer == answer and right is not None),
        None,
    )
