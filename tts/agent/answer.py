"""The answer to one question, with what it cost and whether it may be used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from tts.agent.verdict import PromiseState
from tts.answers.tools.calls import CallReader
from tts.types import Decision, Problem, Sample, ToolCall, Usage


@dataclass(frozen=True, slots=True)
class VotedCall(ToolCall):
    """A call of a tool that won the vote.

    Attributes:
        name: the tool's name.
        arguments: its arguments, the text of a JSON object, as the most confident sample with this answer wrote them.
        id: the server's id of that sample's call.
        agreement: of each argument that votes, the share of the samples with the same names that give it this value, in
            [0, 1].
    """

    agreement: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        question: the question.
        answer: the answer, or None where no sample could be read; of calls of tools, their one spelling.
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
        calls: the calls of tools that won, in the order of the sample that made them; empty where a text did.
        certified: whether the answer is certainly the model's most probable one, see :class:`~tts.types.Decision`; None
            where masses are not known, or the strategy reads none.
        masses: the probability of the distinct texts drawn, by answer; None as ``certified``.
        unseen_mass: the probability of all other texts, in [0, 1]; None as ``certified``.
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
    calls: tuple[VotedCall, ...] = ()
    certified: bool | None = None
    masses: Mapping[str, float] | None = field(default=None, hash=False)
    unseen_mass: float | None = None

    @property
    def text(self) -> str | None:
        """The text of the most confident sample with this answer, the first one where none has a confidence."""
        sample = most_confident(self.samples, self.answer)
        return None if sample is None else sample.text

    def __str__(self) -> str:
        """Return the answer alone."""
        return "no answer" if self.answer is None else self.answer


def most_confident(samples: Iterable[Sample], answer: str | None) -> Sample | None:
    """Return the most confident of the samples with an answer, the first one where none has a confidence."""
    agreeing = [sample for sample in samples if answer is not None and sample.answer == answer]
    return max(agreeing, key=lambda sample: sample.confidence or 0.0, default=None)


def voted_calls(problem: Problem, decision: Decision, ignore: Collection[str]) -> tuple[VotedCall, ...]:
    """Return the calls of tools that a decision is for, with their agreement; empty where it is for a text.

    Args:
        problem: the question.
        decision: its decision.
        ignore: names of arguments that do not vote.
    """
    winner = most_confident(decision.samples, decision.answer)
    if winner is None or not winner.calls:
        return ()
    agreed = CallReader(problem, ignore).agreements(winner, decision.samples)
    return tuple(
        VotedCall(call.name, call.arguments, call.id, agreement)
        for call, agreement in zip(winner.calls, agreed, strict=True)
    )
