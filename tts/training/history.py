"""What a training did: the losses of its steps, and looks at the questions it never learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts.ranking import auroc, within_auroc
from tts.training.responses import Response


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the held-out questions.

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
        """One line for people."""
        lm = f"  language model {self.lm:.3f}" if self.lm else ""
        return f"Brier {self.brier:.4f}  AUROC {self.auroc:.3f}  within questions {self.within:.3f}{lm}"


@dataclass(slots=True)
class History:
    """What happened, for the loss plot: (step, calibration loss, language-model loss), and the looks."""

    losses: list[tuple[int, float, float]] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)

    @property
    def best(self) -> Look:
        """The look with the lowest Brier score."""
        return min(self.looks, key=lambda look: look.brier)


def measured(step: int, confidence: NDArray[np.float64], responses: Sequence[Response], lm: float) -> Look:
    """What confidences are worth on held-out responses; ``lm`` is their summed cross-entropy."""
    correct = np.array([one.correct for one in responses])
    question = np.array([one.question for one in responses])
    tokens = sum(len(one.ids) + one.ended for one in responses)
    return Look(
        step=step,
        brier=float(np.mean((confidence - correct) ** 2)),
        auroc=auroc(confidence, correct),
        within=within_auroc(confidence, correct, question),
        lm=lm / tokens,
    )
