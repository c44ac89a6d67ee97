"""The answer to one question, with what it cost and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts.agent.verdict import PromiseState
from tts.types import Sample, Usage


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        question: the question.
        answer: the answer, or None where no sample could be read.
        p_correct: P(the answer is right), in [0, 1]: the calibrated probability where a calibration is loaded, else
            the estimate of the strategy and its scorer; None where they make none.
        calibrated: whether ``p_correct`` is calibrated.
        accept: whether the answer may be used under the promise that is loaded; None without one. No answer, and one
            whose time was up, is not let through.
        promise: "kept" while the promise holds; "void" where it does not cover this answer, because the time was up,
            because sampling parameters were changed, or because the scores of late differ from those that it was
            fitted on; "none" where no promise is loaded.
        score: the strategy's own estimate, or the answer's share of the votes, which calibration and promise are about,
            in [0, 1]; None without an answer.
        vote_share: the answer's share of the votes, in [0, 1]; None where nothing was voted on.
        samples: every sample, in the order in which they were drawn.
        usage: the tokens spent, by cause.
        stopped_by: the rule that ended the drawing, "budget" or "time_limit".
        strategy: the strategy's name.
    """

    question: str
    answer: str | None
    p_correct: float | None
    calibrated: bool
    accept: bool | None
    promise: PromiseState
    score: float | None
    vote_share: float | None
    samples: tuple[Sample, ...] = field(repr=False)
    usage: Usage = field(repr=False)
    stopped_by: str
    strategy: str

    @property
    def text(self) -> str | None:
        """The text of the most confident sample with this answer, the first one where none has a confidence."""
        agreeing = [sample for sample in self.samples if self.answer is not None and sample.answer == self.answer]
        return max(agreeing, key=lambda sample: sample.confidence or 0.0).text if agreeing else None

    def __str__(self) -> str:
        """Return the answer alone."""
        return "no answer" if self.answer is None else self.answer
