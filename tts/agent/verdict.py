"""Verdicts: how likely an answer is right, whether it may be used, and the reason where nothing is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tts.types import Usage

__all__ = ["PromiseState", "StepScore", "Verdict"]

PromiseState = Literal["kept", "void", "none"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of one answer.

    A verdict without a score is an abstention: nothing is known about the answer, and ``reason`` has the cause.

    Attributes:
        p_correct: P(the answer is right), in [0, 1]; None on an abstention, and where no calibration is loaded for this
            model, scorer, prompt, sampling, source of the text and way of judging.
        accept: whether the answer is let through under the promise that is loaded for this way of judging; None without
            one. An abstention is not let through. A void promise leaves this as the promise's threshold decides, and
            ``promise`` says that nothing is promised any more.
        reason: why the judging ended; on an abstention, why there is no score, as a sentence.
        promise: "kept" while the promise holds; "void" once the scores or texts of late differ from those that it was
            fitted on; "none" where no promise is loaded for this way of judging.
        calibrated: whether a calibration is loaded for this way of judging.
        usage: every token spent on the verdict, by cause.
        how: "read", one pass over a text with its working; "draw(N)", a check by at most N fresh draws; or
            "solve(STRATEGY, BUDGET)", a strategy's own decision.
        score: the raw score, in [0, 1], high where the answer is probably right; None on an abstention.
        answer: the canonical answer that was judged; None where none could be read.
    """

    p_correct: float | None
    accept: bool | None
    reason: str
    promise: PromiseState
    calibrated: bool
    usage: Usage
    how: str
    score: float | None
    answer: str | None

    @property
    def abstained(self) -> bool:
        """True if there is no score, so that nothing is known about the answer."""
        return self.score is None

    def __str__(self) -> str:
        """Return the verdict in one line."""
        answer = "no answer" if self.answer is None else self.answer
        if self.score is None:
            return f"{answer}: abstained ({self.how}): {self.reason}"
        known = f"score {self.score:.3f}, uncalibrated" if self.p_correct is None else f"P(right) {self.p_correct:.3f}"
        accepted = {None: "", True: ", accepted", False: ", not accepted"}[self.accept]
        promise = "" if self.promise == "none" else f" (promise {self.promise})"
        return f"{answer}: {known} by {self.how}{accepted}{promise}"


@dataclass(frozen=True, slots=True)
class StepScore:
    """The confidence of a scorer at the end of one step of a chain.

    Attributes:
        step: the text of the step, a line.
        score: the raw score of the chain up to its end, of which a calibration of whole texts says nothing; None where
            the chain holds a word that the model has no token for, and where the scorer has none.
    """

    step: str
    score: float | None
