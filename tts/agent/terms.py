"""The terms of one way of judging: its calibration, its promise and its reference, and the verdicts that they give."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from tts.agent.drift import DriftAlarm
from tts.agent.verdict import PromiseState, Verdict
from tts.scorers.calibration.calibration_file import Provenance, load_calibration, load_reference
from tts.scorers.calibration.promise_file import Promise, load_promise
from tts.scorers.calibration.reference import Reference
from tts.types import Usage

LOG = logging.getLogger(__name__)
REMEMBERED = 1 << 17
"""The questions of late that the alarm does not see again; a server that runs for long forgets earlier ones."""
UNLIKE = 0.01
"""A text is unlike those of a reference if its log-probability is below that of all but this share of them."""


@dataclass
class Terms:
    """Everything that turns the score of one way of judging into a verdict.

    Attributes:
        how: the way of judging.
        calibration: from raw scores to P(correct); None where none is loaded.
        promise: decides which answers are let through; None where none is loaded.
        reference: of the texts that the calibration or the promise was fitted on; None takes every text as like them.
        alarm: sees the score and log-probability of every question once; None where no promise is loaded.
        unlike: a text is unlike the reference's if its log-probability is below that of all but this share of them, in
            [0, 1); 0 takes every text as like them.
    """

    how: str
    calibration: Callable[[Any], Any] | None = None
    promise: Promise | None = None
    reference: Reference | None = None
    alarm: DriftAlarm | None = None
    unlike: float = UNLIKE
    _questions: dict[int, None] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        how: str,
        provenance: Provenance,
        *,
        calibration: str | PathLike[str] | None = None,
        promise: str | PathLike[str] | None = None,
        unlike: float = UNLIKE,
    ) -> Terms:
        """Return the terms of a way of judging from its files.

        Args:
            how: the way of judging.
            provenance: the circumstances in use.
            calibration: a file of ``tts calibrate``; None for none.
            promise: a file of ``tts calibrate --promise``; None for none.
            unlike: as the attribute.

        Raises:
            InputError: no such file, or one of other circumstances or another way; the sentence has both values.
        """
        fitted = None if calibration is None else load_calibration(calibration, provenance, how)
        reference = None if calibration is None else load_reference(calibration, provenance, how)
        made = cls(how, calibration=fitted, reference=reference, unlike=unlike)
        return made if promise is None else made.promising(load_promise(promise, provenance, how))

    def promising(self, promise: Promise) -> Terms:
        """Return the same terms under a promise, with a new alarm."""
        alarm = DriftAlarm(promise.reference, promise.delta)
        return replace(self, promise=promise, reference=self.reference or promise.reference, alarm=alarm)

    def verdict(
        self,
        score: float,
        *,
        question: str | None = None,
        logprob: float | None,
        answer: str | None,
        usage: Usage,
        reason: str,
        covered: bool = True,
    ) -> Verdict:
        """Return the verdict on a score, which the alarm sees first; a text unlike the reference is an abstention.

        Args:
            score: the raw score.
            question: the question, by which the alarm sees each one once; None is a new one.
            logprob: the mean log-probability of a token of the text, or of the draws; None where the engine returns
                none.
            answer: the answer that was judged.
            usage: the tokens spent.
            reason: why the judging ended.
            covered: False for a score of other circumstances, such as a check whose time was up: it has no P(correct),
                and under a promise, which is void for it, its answer is not let through.
        """
        if not covered:
            alone = self.abstention(reason, answer=answer, usage=usage)
            return replace(alone, score=score, calibrated=False, promise="void" if self.promise else "none")
        self._see(question, score, logprob)
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
    def void(self) -> bool:
        """True once the alarm has fired."""
        return self.alarm is not None and self.alarm.fired

    @property
    def metrics(self) -> dict[str, float]:
        """Numbers about the promise: questions seen, evidence of a change (the alarm fires at 2 / delta), 1 if void."""
        if self.alarm is None:
            return {}
        return {"seen": self.alarm.seen, "evidence": self.alarm.evidence, "void": float(self.void)}

    @property
    def _state(self) -> PromiseState:
        return "none" if self.promise is None else "void" if self.void else "kept"

    def _see(self, question: str | None, score: float, logprob: float | None) -> None:
        if self.alarm is None or self.void or hash(question) in self._questions:
            return
        if question is not None:
            self._questions[hash(question)] = None
            if len(self._questions) > REMEMBERED:
                del self._questions[next(iter(self._questions))]
        if self.alarm.see(score, logprob):
            LOG.warning(
                "the promise for %s is void: scores or texts of late differ from those that it was fitted on", self.how
            )

    def _unlike(self, logprob: float | None) -> str | None:
        """Return a sentence on a log-probability below the reference's, or None where it is like them."""
        if self.reference is None or logprob is None or not self.unlike:
            return None
        least = self.reference.least_logprob(self.unlike)
        if least is None or logprob >= least:
            return None
        return (
            f"the text is unlike those of the calibration: its mean log-probability is {logprob:.2f} a token, and at "
            f"most {self.unlike:.0%} of theirs are below {least:.2f}"
        )
