"""The evaluation of a head on held-out questions, beside a constant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tts.logistic import log_loss, logit
from tts.ranking import auroc, within_auroc
from tts.training.responses import Split


@dataclass(frozen=True, slots=True)
class HeadEvaluation:
    """The quality of confidences in held-out responses.

    Attributes:
        brier: mean squared error between confidence and correctness.
        log_loss: mean log loss, in nats.
        constant_brier: the Brier score of a constant: the share of right responses among those fitted to.
        constant_log_loss: the log loss of that constant.
        auroc: P(a right response scores above a wrong one).
        within: the same among responses of one question, over all such pairs; NaN without such pairs.
    """

    brier: float
    log_loss: float
    constant_brier: float
    constant_log_loss: float
    auroc: float
    within: float

    @property
    def useful(self) -> bool:
        """True if the confidences are better than a constant: a lower Brier score, and an AUROC above one half."""
        return self.brier < self.constant_brier and self.auroc > 0.5


def evaluate_head(log_odds: NDArray[np.float64], split: Split) -> HeadEvaluation:
    """Return the evaluation of a head.

    Args:
        log_odds: of each held-out response, [responses].
        split: the responses that were fitted to and those that are held out.
    """
    correct = np.array([one.correct for one in split.held_out])
    question = np.array([one.question for one in split.held_out])
    right, share = correct.astype(np.float64), float(np.mean([one.correct for one in split.train]))
    constant = np.full(len(right), share)
    return HeadEvaluation(
        brier=float(np.mean((expit(log_odds) - right) ** 2)),
        log_loss=log_loss(log_odds, right),
        constant_brier=float(np.mean((constant - right) ** 2)),
        constant_log_loss=log_loss(logit(constant), right),
        auroc=auroc(log_odds, correct),
        within=within_auroc(log_odds, correct, question),
    )
