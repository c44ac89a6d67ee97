"""The record of a training: the losses of its steps and the evaluations on held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts.ranking import auroc, within_auroc
from tts.training.responses import Response, Split


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation on the held-out questions.

    Attributes:
        step: optimiser steps so far.
        brier: mean squared error between confidence and correctness.
        constant: the Brier score, on the same responses, of a constant: the share of right responses in the training
            set.
        auroc: P(a right response scores above a wrong one).
        within: the same among responses of one question, over all such pairs.
        lm: mean cross-entropy of the responses, in nats a token; 0 where the text cannot change.
    """

    step: int
    brier: float
    constant: float
    auroc: float
    within: float
    lm: float

    def __str__(self) -> str:
        """Return one line of text."""
        lm = f", language model {self.lm:.3f}" if self.lm else ""
        return f"Brier {self.brier:.4f} (a constant {self.constant:.4f}), AUROC {self.auroc:.3f}{lm}"

    @property
    def useful(self) -> bool:
        """True if the confidences are better than a constant: a lower Brier score, and an AUROC above one half."""
        return self.brier < self.constant and self.auroc > 0.5


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


def constant_brier(train: Sequence[Response], held_out: Sequence[Response]) -> float:
    """Return the Brier score, on held-out responses, of the share of right responses in the training set."""
    share = np.mean([one.correct for one in train])
    return float(np.mean([(share - one.correct) ** 2 for one in held_out]))


def evaluated(step: int, confidence: NDArray[np.float64], split: Split, total_cross_entropy: float) -> Evaluation:
    """Return the evaluation of confidences in held-out responses.

    Args:
        step: optimiser steps so far.
        confidence: of each held-out response, [responses].
        split: the responses that were trained on and those that are held out.
        total_cross_entropy: of the responses' tokens, in nats, summed; 0 where the text cannot change.
    """
    responses = split.held_out
    correct = np.array([one.correct for one in responses])
    question = np.array([one.question for one in responses])
    tokens = sum(len(one.ids) + one.ended for one in responses)
    return Evaluation(
        step=step,
        brier=float(np.mean((confidence - correct) ** 2)),
        constant=constant_brier(split.train, responses),
        auroc=auroc(confidence, correct),
        within=within_auroc(confidence, correct, question),
        lm=total_cross_entropy / tokens,
    )
