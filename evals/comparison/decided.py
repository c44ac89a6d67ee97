"""The decision of each compared strategy on each question, its samples handed over in recorded order.

Means over permutations tell which strategy is better; these tell what it answers. Parameters and calibration maps are
those that the other half of the questions gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.paired import Comparison
from evals.replay.arrays import PoolArrays
from evals.replay.scores import Scores
from evals.replay.vectorised import Candidate
from tts.runtime.recorded import decide
from tts.types import Problem, Sample

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class QuestionDecision:
    """The decision of a strategy on one question.

    Attributes:
        id: the question.
        answer: the answer in canonical form, or None where no sample could be read.
        correct: whether it is right; an abstention is not.
        p_correct: P(the answer is right), in [0, 1]; None where the strategy estimates none, or reads confidences that
            no calibration map has made probabilities.
        vote_share: the answer's share of the votes, in [0, 1]; None where nothing was voted on.
        samples: the indices of the samples used, in the order in which they were handed over.
        tokens: generated tokens of the samples used; None where the pool does not count them.
        stopped_by: the rule that ended the drawing, or "budget".
        cause: of a wrong decision "unsolved", "not_selected" or "stopped_early", see
            :class:`evals.comparison.regret.Regret`; "gained" where it is right and the full budget without stopping is
            wrong; None of any other right decision.
        certified: whether the answer is certainly the model's most probable one; None where masses are not known.
        masses: the probability of the distinct texts used, by answer; None as ``certified``.
        unseen_mass: the probability of all other texts, in [0, 1]; None as ``certified``.
    """

    id: str
    answer: str | None
    correct: bool
    p_correct: float | None
    vote_share: float | None
    samples: tuple[int, ...]
    tokens: int | None
    stopped_by: str
    cause: str | None = None
    certified: bool | None = None
    masses: Mapping[str, float] | None = field(default=None, hash=False)
    unseen_mass: float | None = None


def decisions_of(comparison: Comparison, candidates: Sequence[Sequence[Candidate]]) -> list[list[QuestionDecision]]:
    """Return the decisions of strategies at the full budget.

    Args:
        comparison: the pool, its folds and scores; its settings name the questions.
        candidates: one list a fold, the same strategies in the same order.

    Returns:
        One list a strategy, one decision a question in the order of the pool.
    """
    arrays, budget = comparison.arrays, comparison.settings.budget
    rows = comparison.settings.decided
    wanted = set(range(arrays.questions) if rows is None else rows)
    found: list[dict[int, QuestionDecision]] = [{} for _ in candidates[0]]
    for fold, mine, scores in zip(comparison.folds, candidates, comparison.scores, strict=True):
        for q in filter(wanted.__contains__, fold.scored.tolist()):
            for candidate, decided in zip(mine, found, strict=True):
                calibrated = comparison.settings.calibrate is not None and candidate.scores == "recorded"
                samples = _samples(arrays, q, budget, scores, candidate)
                decided[q] = _decision(arrays, q, candidate, samples, calibrated=calibrated)
    return [[decided[q] for q in sorted(wanted)] for decided in found]


def _decision(
    arrays: PoolArrays, q: int, candidate: Candidate, samples: Sequence[Sample], *, calibrated: bool
) -> QuestionDecision:
    strategy, problem = candidate.strategy, Problem(arrays.ids[q], "")
    decision = decide(strategy, problem, samples)
    correct, patient = _is_right(arrays, q, decision.answer), None
    if candidate.counterpart is not None:
        patient = _is_right(arrays, q, decide(candidate.counterpart, problem, samples).answer)
    read = len(decision.samples) if patient is None else len(samples)
    return QuestionDecision(
        arrays.ids[q],
        decision.answer,
        correct,
        decision.p_correct if calibrated or not strategy.requires.confidence else None,
        decision.vote_share,
        tuple(sample.index for sample in decision.samples),
        None if decision.usage is None else decision.usage.generated,
        decision.reason,
        _cause(correct, patient, bool(arrays.right(np.array([q]))[0, :read].any())),
        decision.certified,
        decision.masses,
        decision.unseen_mass,
    )


def _is_right(arrays: PoolArrays, q: int, answer: str | None) -> bool:
    return answer is not None and bool(arrays.class_correct[q, arrays.classes[q].index(answer)])


def _cause(correct: bool, patient: bool | None, solved: bool) -> str | None:
    """Return the cause of a decision; ``patient`` tells whether its counterpart without stopping is right."""
    if correct:
        return "gained" if patient is False else None
    if patient:
        return "stopped_early"
    return "not_selected" if solved else "unsolved"


def _samples(arrays: PoolArrays, q: int, budget: int, scores: Scores, candidate: Candidate) -> list[Sample]:
    """Return the first samples of a question with the names of their answer classes and the scores to read."""
    values = scores[candidate.scores]
    confidences, rows = None, np.array([q])
    if values is not None:
        confidences = values[rows, :1][0, 0] if values.ndim == 3 else values[rows][0]
    assert arrays.recorded is not None  # decisions are those of a pool
    found = []
    for i, sample in enumerate(arrays.recorded[q].samples[:budget]):
        label = int(arrays.labels[q, i])
        confidence = None if confidences is None or np.isnan(confidences[i]) else float(confidences[i])
        found.append(replace(sample, answer=arrays.classes[q][label] if label >= 0 else None, confidence=confidence))
    return found
