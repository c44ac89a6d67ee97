"""The terms of one way of judging: its calibration, its promise and its reference, and the verdicts that they give."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tts.agent.verdict import PromiseState, Verdict
from tts.scorers.calibration.reference import Reference
from tts.types import Usage

LOG = logging.getLogger(__name__)
UNLIKE = 0.01
"""The share of the reference's texts below whose log-probability a text is unlike them."""


class Promised(Protocol):
    """The part of a promise that verdicts need."""

    def accepts(self, score: float) -> bool:
        """Return whether an answer with this score is let through."""
        ...


class Alarm(Protocol):
    """The part of a drift alarm that verdicts need."""

    def see(self, score: float | None, logprob: float | None) -> bool:
        """Take one more score and log-probability, and return whether the alarm has fired."""
        ...


@dataclass
class Terms:
    """Everything that turns the score of one way of judging into a verdict.

    Attributes:
        how: the way of judging.
        calibration: from raw scores to P(correct); None where none is loaded.
        promise: decides which answers are let through; None where none is loaded.
        reference: of the texts that the calibration or the promise was fitted on; None takes every text as like them.
        alarm: sees every score and log-probability; None where no promise is loaded.
        unlike: the share of the reference's texts below whose log-probability a text is unlike them, in [0, 1).
    """

    how: str
    calibration: Callable[[Any], Any] | None = None
    promise: Promised | None = None
    reference: Reference | None = None
    alarm: Alarm | None = None
    unlike: float = UNLIKE
    void: bool = False

    def verdict(self, score: float, *, logprob: float | None, answer: str | None, usage: Usage, reason: str) -> Verdict:
        """Return the verdict on a score, which the alarm sees first; a text unlike the reference is an abstention.

        Args:
            score: the raw score.
            logprob: the text's mean log-probability a token; None of a bare answer, and where the engine returns none.
            answer: the answer that was judged.
            usage: the tokens spent.
            reason: why the judging ended.
        """
        self._see(score, logprob)
        if (unlike := self._unlike(logprob)) is not None:
            return self.abstention(unlike, answer=answer, usage=usage)
        return Verdict(
            p_correct=None if self.calibration is None else float(self.calibration(score)),
            accept=None if self.promise is None else bool(self.promise.accepts(score)),
            reason=reason,
            promise=self._state,
            calibrated=self.calibration is not None,
            usage=usage,
            how=self.how,
            score=score,
            answer=answer,
        )

    def abstention(self, reason: str, *, answer: str | None = None, usage: Usage | None = None) -> Verdict:
        """Return a verdict without a score; with a promise its answer is not let through.

        Args:
            reason: why there is none.
            answer: the answer, where one was read.
            usage: the tokens spent; None for none.
        """
        return Verdict(
            p_correct=None,
            accept=None if self.promise is None else False,
            reason=reason,
            promise=self._state,
            calibrated=self.calibration is not None,
            usage=usage or Usage(),
            how=self.how,
            score=None,
            answer=answer,
        )

    @property
    def _state(self) -> PromiseState:
        return "none" if self.promise is None else "void" if self.void else "kept"

    def _see(self, score: float, logprob: float | None) -> None:
        if self.alarm is None or not self.alarm.see(score, logprob) or self.void:
            return
        self.void = True
        LOG.warning(
            "the promise for %s is void: the scores or texts of late differ from those that it was fitted on", self.how
        )

    def _unlike(self, logprob: float | None) -> str | None:
        if self.reference is None or logprob is None:
            return None
        least = self.reference.logprob_quantile(self.unlike)
        if least is None or logprob >= least:
            return None
        return (
            f"the text is unlike those of the calibration: its mean log-probability is {logprob:.2f} a token, and "
            f"{self.unlike:.0%} of theirs are below {least:.2f}"
        )
