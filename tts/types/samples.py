"""Problems, the samples that are drawn for them, their cost, and the decision of a strategy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tts.errors import InputError
from tts.types.messages import Message, ToolCall
from tts.types.trace import Trace

_NO_TRACE = Trace()


@dataclass(frozen=True, slots=True)
class Problem:
    """One question of a task.

    Attributes:
        id: names it within its task.
        question: its text, options included.
        gold: the right answer; None where it is not known.
        task: the name of its task.
        accepted: further answers that are right too; pools keep the first one, ``gold``, and the grades.
        messages: the chat whose next message is asked for, empty for the question alone; the question then is the text
            of its last user message.
        tools: the tools that the model may call, each a JSON object in the terms of OpenAI's interface.
        tool_choice: "auto", "none", "required", or a JSON object that names a tool; None leaves it to the server.
        parallel_tool_calls: whether one reply may hold several calls; None leaves it to the server.
    """

    id: str
    question: str
    gold: str | None = None
    task: str = ""
    accepted: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    tool_choice: str | Mapping[str, Any] | None = field(default=None, hash=False)
    parallel_tool_calls: bool | None = None

    def __post_init__(self) -> None:
        """Refuse messages that do not ask the question.

        Raises:
            InputError: no message of a user, or another question.
        """
        if self.messages and self.question != asked(self.messages):
            raise InputError(
                f"the question of problem {self.id!r} is not its last user message: leave messages out, or use "
                "Problem.of_messages"
            )

    @classmethod
    def of_messages(cls, id: str, messages: Iterable[Message], **more: Any) -> Problem:
        """Return the problem of a chat.

        Args:
            id: names it within its task.
            messages: the chat, with at least one message of a user.
            more: the other fields by name.

        Raises:
            InputError: no message of a user.
        """
        chat = tuple(messages)
        return cls(id, asked(chat), messages=chat, **more)

    @property
    def golds(self) -> tuple[str, ...]:
        """Every right answer; empty where none is known."""
        return () if self.gold is None else (self.gold, *self.accepted)


def asked(messages: Iterable[Message]) -> str:
    """Return the text of the last user message of a chat.

    Raises:
        InputError: there is none.
    """
    found = [message.content for message in messages if message.role == "user"]
    if not found:
        raise InputError("a chat must have a message of role user, got none: add the question")
    return found[-1]


class End(StrEnum):
    """The reason why a sample ended."""

    STOP = "stop"  # the model ended it
    LENGTH = "length"  # the token limit
    BOUNDARY = "boundary"  # the draw's own boundary: a partial sample
    ABORTED = "aborted"  # the strategy had decided
    FAILED = "failed"  # the engine failed, retries included


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, each charged to exactly one cause; sums reconcile with the engine's own counters."""

    prompt: int = 0  # prompt tokens computed
    prompt_cached: int = 0  # prompt tokens served from a cache
    delivered: int = 0  # drawn tokens of samples delivered to the strategy
    aborted: int = 0  # drawn tokens no strategy was given: look-ahead, failed attempts
    scorer_prefill: int = 0  # tokens a scorer read
    scorer_decode: int = 0  # tokens a scorer drew

    def __add__(self, other: Usage) -> Usage:
        """The field-wise sum."""
        return Usage(
            self.prompt + other.prompt,
            self.prompt_cached + other.prompt_cached,
            self.delivered + other.delivered,
            self.aborted + other.aborted,
            self.scorer_prefill + other.scorer_prefill,
            self.scorer_decode + other.scorer_decode,
        )

    @property
    def generated(self) -> int:
        """Every token that the model decoded, be it delivered, aborted or drawn by a scorer."""
        return self.delivered + self.aborted + self.scorer_decode

    @property
    def total(self) -> int:
        """Every token of every cause."""
        return self.prompt + self.prompt_cached + self.generated + self.scorer_prefill


@dataclass(frozen=True, slots=True)
class Sample:
    """One draw, prefix included: ``text`` and ``token_ids`` are everything after the problem's prompt.

    Two samples are equal where they are the same draw; the times of the drawing do not matter.

    Attributes:
        text: the generated text.
        answer: the canonical answer, or None where none could be read: such a sample never votes.
        end: why it ended; a BOUNDARY sample is partial and may be the prefix of another draw.
        confidence: P(correct) in [0, 1] from the scorer, or None where nothing scored it.
        index: the draw's number within its question, counted in order of submission from 0.
        token_ids: the generated tokens, empty where the source keeps none.
        trace: in-pass signals, those of the prefix included where they are known.
        usage: tokens this draw cost, without its prefix; None where the source keeps no counts.
        error: for a FAILED sample, the engine's sentence.
        given: the number of ``token_ids``, the first ones, that belong to the prefix that it continues.
        started_s: when the draw was asked for, in seconds since the epoch; None if it is not recorded.
        first_s: when its first token arrived, in seconds since the epoch; None if it is not recorded.
        finished_s: when its last token arrived, in seconds since the epoch; None if it is not recorded.
        in_flight: the mean number of rows that were drawn while this one was in flight, itself included; None if it is
            not recorded.
        machine_s: its share of the machine in seconds, with each moment divided by the draws in flight; None if it is
            not recorded.
        estimated: True if its source told no token counts, so that ``usage`` is an estimate; None if it is not.
        failure: for a FAILED sample, a short name of the reason beside ``error``; None if it is not recorded.
        reasoning: the text of the model's reasoning, where an engine keeps it apart from ``text``; else None.
        parent: the number of the draw that it continues, within its question; None if it continues none, or that is
            not recorded.
        calls: the calls of tools that it makes, in the model's order; ``text`` is what it says beside them.
    """

    text: str = ""
    answer: str | None = None
    end: End = End.STOP
    confidence: float | None = None
    index: int = 0
    token_ids: tuple[int, ...] = ()
    trace: Trace = _NO_TRACE
    usage: Usage | None = None
    error: str | None = None
    given: int = 0
    started_s: float | None = field(default=None, compare=False)
    first_s: float | None = field(default=None, compare=False)
    finished_s: float | None = field(default=None, compare=False)
    in_flight: float | None = field(default=None, compare=False)
    machine_s: float | None = field(default=None, compare=False)
    estimated: bool | None = None
    failure: str | None = None
    reasoning: str | None = None
    parent: int | None = None
    calls: tuple[ToolCall, ...] = ()

    @property
    def logprob(self) -> float | None:
        """The log-probability of the whole sample, the token that ended it included, in nats; None if it is not known.

        It is the sum of ``trace.processed``: P of drawing these tokens under the sampling parameters. It is known where
        the model ended the sample and each token, those of the prefix among them, has a value.
        """
        values = self.trace.processed
        tokens = len(self.token_ids) or len(self.trace.logprobs) or len(values)
        if self.end is not End.STOP or not values or len(values) != tokens:
            return None
        total = sum(values)
        return None if math.isnan(total) else total


SAMPLE_EXTRAS: Mapping[str, type] = {
    "started_s": float,
    "first_s": float,
    "finished_s": float,
    "in_flight": float,
    "machine_s": float,
    "estimated": bool,
    "failure": str,
    "reasoning": str,
    "parent": int,
}
"""The optional fields of a sample, by name, with their types; pools store them where they are not None."""


def content_ids(sample: Sample) -> tuple[int, ...]:
    """Return the tokens of a sample's text, without the one that ended it; empty where its source keeps none."""
    return sample.token_ids[:-1] if sample.end is End.STOP else sample.token_ids


@dataclass(frozen=True, slots=True)
class Decision:
    """The result that a strategy returns for one problem.

    Attributes:
        answer: the answer, or None where the strategy abstains because no sample could be parsed.
        samples: every sample that the strategy received, in order of submission, failed ones included.
        reason: why the strategy stopped: the name of the rule that fired, or "budget".
        p_correct: P(the answer is right), in [0, 1], or None where the strategy does not estimate it. It is derived
            from the samples' confidences and is calibrated if they are.
        vote_share: the answer's share of the votes, in [0, 1], or None where nothing was voted on. Each vote counts its
            weight, or one where weights may be negative. A share of votes is not a probability of being right.
        usage: every token spent on the problem, or None where the source keeps no counts.
        certified: whether the answer is certainly the model's most probable one: its mass minus that of any other is
            more than the unseen mass. None where masses are not known, or the strategy reads none.
        masses: the probability of the distinct texts drawn, by answer; None as ``certified``.
        unseen_mass: the probability of all texts that were not drawn, or whose probability is not known, in [0, 1];
            None as ``certified``.
    """

    answer: str | None
    samples: tuple[Sample, ...]
    reason: str
    _: KW_ONLY
    p_correct: float | None = None
    vote_share: float | None = None
    usage: Usage | None = None
    certified: bool | None = None
    masses: Mapping[str, float] | None = field(default=None, hash=False)
    unseen_mass: float | None = None

    @property
    def failed(self) -> int:
        """The number of draws that failed for good and used up budget."""
        return sum(s.end is End.FAILED for s in self.samples)


class HasMasses(Protocol):
    """A decision in one of its forms, as far as masses go; see :class:`Decision`."""

    @property
    def certified(self) -> bool | None: ...  # noqa: D102
    @property
    def masses(self) -> Mapping[str, float] | None: ...  # noqa: D102
    @property
    def unseen_mass(self) -> float | None: ...  # noqa: D102


def mass_line(decision: HasMasses) -> dict[str, Any]:
    """Return what a decision knows of masses, ready for JSON; nothing where they are not known."""
    if decision.masses is None:
        return {}
    return {
        "certified": decision.certified,
        "masses": dict(decision.masses),
        "unseen_mass": decision.unseen_mass,
    }


def total_usage(samples: Iterable[Sample]) -> Usage | None:
    """The sum over samples, or None where any of them has no counts."""
    usages = [s.usage for s in samples]
    if any(u is None for u in usages):
        return None
    return sum((u for u in usages if u is not None), Usage())
