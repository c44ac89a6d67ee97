"""The record of a training: the losses of its steps and the evaluations on held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts.ranking import auroc, within_auroc
from tts.training.responses import Response


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation on the held-out questions.

    Attributes:
        step: optimiser steps so far.
        brier: mean squared error between confidence and correctness.
        auroc: P(a right response scores above a wrong one).
        within: the same among responses of one question, over all such pairs.
        lm: mean cross-entropy of the responses, in nats a token; 0 where the text cannot change.
    """

    step: int
    brier: float
    auroc: float
    within: float
    lm: float

    def __str__(self) -> str:
        """Return one line of text."""
        lm = f"  language model {self.lm:.3f}" if self.lm else ""
        return f"Brier {self.brier:.4f}  AUROC {self.auroc:.3f}  within questions {self.within:.3f}{lm}"


@dataclass(slots=True)
class History:
    """The history of a training.

    Attributes:
        losses: (step, calibration loss, language-model loss) of each step.
        evaluations: the evaluations, in order.
    """

    losses: list[tuple[int, float, float]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def best(self) -> Evaluation:
        """The evaluation with the lowest Brier score."""
        return min(self.evaluations, key=lambda one: one.brier)


def evaluated(
    step: int, confidence: NDArray[np.float64], responses: Sequence[Response], total_cross_entropy: float
) -> Evaluation:
    """Return the evaluation of confidences in held-out responses.

    Args:
        step: optimiser steps so far.
        confidence: of each response, [responses].
        responses: the held-out responses.
        total_cross_entropy: of the responses' tokens, in nats, summed; 0 where the text cannot change.
    """
    correct = np.array([one.correct for one in responses])
    question = np.array([one.question for one in responses])
    tokens = sum(len(one.ids) + one.ended for one in responses)
    return Evaluation(
        step=step,
        brier=float(np.mean((confidence - correct) ** 2)),
        auroc=auroc(confidence, correct),
        within=within_auroc(confidence, correct, question),
        lm=total_cross_entropy / tokens,
    )
