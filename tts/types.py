"""The vocabulary: what a strategy asks for, what it gets and what it decides.

Frozen, slotted data only: knows nothing about models, numpy, event loops or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One question of a task; ``gold`` is None where the right answer is not known."""

    id: str
    question: str
    gold: str | None = None
    task: str = ""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a draw ends: at its own end, after a step, after ``value`` tokens, below a confidence, above an entropy.

    ``window`` is the number of tokens that a group confidence is the mean of.
    """

    kind: Literal["end", "step", "tokens", "confidence_below", "group_below", "step_below", "entropy_above"]
    value: float = 0.0
    window: int = 1


END = Boundary("end")
STEP = Boundary("step")


def TOKENS(k: int) -> Boundary:  # noqa: N802 - a constructor of the same rank as END and STEP
    """The boundary after ``k`` >= 1 new tokens."""
    if k < 1:
        raise ValueError(f"TOKENS(k) needs k >= 1, got {k}")
    return Boundary("tokens", k)


def CONFIDENCE_BELOW(tau: float) -> Boundary:  # noqa: N802
    """The boundary at the first token whose running confidence falls below ``tau`` in [0, 1]."""
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"CONFIDENCE_BELOW(tau) needs tau in [0, 1], got {tau}")
    return Boundary("confidence_below", tau)


def STEP_BELOW(tau: float) -> Boundary:  # noqa: N802
    """The boundary at the first token that ends a step and where P(watched token) is below ``tau`` in [0, 1].

    The probability is that of the distribution which drew the step's last token; the first watched token counts. The
    draw needs ``Signals.watch``, a recording of it ``Signals.steps`` too.
    """
    if not 0.0 <= tau <= 1.0:
        raise ValueError(f"STEP_BELOW(tau) needs tau in [0, 1], got {tau}")
    return Boundary("step_below", tau)


def GROUP_BELOW(value: float, window: int) -> Boundary:  # noqa: N802
    """The boundary at the first token that ends a group of ``window`` >= 1 tokens of mean confidence under ``value``.

    A token's confidence is the mean negative log-probability of the k most probable tokens there, in nats, high where
    the model is sure (DeepConf, arXiv 2508.15260); the draw needs ``Signals.top``.
    """
    if window < 1:
        raise ValueError(f"GROUP_BELOW(value, window) needs window >= 1, got {window}")
    return Boundary("group_below", value, window)


def ENTROPY_ABOVE(value: float) -> Boundary:  # noqa: N802
    """The boundary at the first token drawn from a distribution whose entropy is above ``value`` >= 0, in nats.

    The entropy is that at temperature 1, of the tokens that can be drawn (FineCE, arXiv 2508.12040, entropy-based
    calibration positions); the draw needs ``Signals.entropy``.
    """
    if not value >= 0.0:
        raise ValueError(f"ENTROPY_ABOVE(value) needs value >= 0, got {value}")
    return Boundary("entropy_above", value)


@dataclass(frozen=True, slots=True)
class Draw:
    """The one thing a strategy may ask for: ``n`` continuations of ``prefix`` (None = the bare problem)."""

    n: int = 1
    prefix: Sample | None = None
    until: Boundary = END


class End(StrEnum):
    """Why a sample ended."""

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
        """Every token the model had to decode: delivered, aborted and drawn by scorers."""
        return self.delivered + self.aborted + self.scorer_decode

    @property
    def total(self) -> int:
        """Every token of every cause."""
        return self.prompt + self.prompt_cached + self.generated + self.scorer_prefill


_FIRST_SIGNALS = ("watch", "top", "entropy", "certainty", "logprobs")


@dataclass(frozen=True, slots=True)
class Signals:
    """What to collect in the same forward pass that draws, at temperature 1 whatever the sampling temperature.

    Attributes:
        watch: ids of tokens whose probability to collect.
        owners: the watched tokens of each owner, such as a scoring method, in the owner's order.
        top: k > 0 collects the mean negative log-probability of the k most probable tokens, in nats; 0 does not.
        entropy: whether to collect the entropy of the next-token distribution, in nats.
        certainty: whether to collect self-certainty, KL(uniform || next-token distribution), in nats.
        steps: whether to note which tokens end a step.
        probe: a token to feed once after a sample has ended, to collect its probability at its own position; it costs
            one drawn token. None does not.
        logprobs: whether the log-probability of each drawn token must be there. Engines that have it at hand tell it
            all the same; a server takes time to tell it.
    """

    watch: tuple[int, ...] = ()
    top: int = 0
    entropy: bool = False
    certainty: bool = False
    steps: bool = False
    probe: int | None = None
    logprobs: bool = False
    owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def watching(cls, owner: str, tokens: Iterable[int]) -> Signals:
        """Return the signals of an owner that watches these tokens; without any, no signals."""
        ids = tuple(tokens)
        return cls(watch=ids, owners={owner: ids}) if ids else cls()

    @property
    def confidence_token(self) -> int | None:
        """The first watched token whose probability is a confidence by itself; None if there is none."""
        return _confidence_token(self.watch, self.owners)

    @property
    def key(self) -> dict[str, object]:
        """The signals as a part of the key of a run: those of the first runs always, later ones where collected.

        The key of an older run thus stays the same. Owners decide no draw and are not a part of it.
        """
        named = ((name, getattr(self, name)) for name in self.__slots__ if name != "owners")
        return {name: value for name, value in named if value or name in _FIRST_SIGNALS}

    def __or__(self, other: Signals) -> Signals:
        """What satisfies both.

        Raises:
            ValueError: they want the mean over different numbers of top tokens, different probes, or different tokens
                of one owner, and one pass collects one.
        """
        if self.top and other.top and self.top != other.top:
            raise ValueError(f"one pass collects one top-k confidence, asked for k = {self.top} and {other.top}")
        if self.probe is not None and other.probe is not None and self.probe != other.probe:
            raise ValueError(f"one pass probes one token, asked for tokens {self.probe} and {other.probe}")
        for owner in self.owners.keys() & other.owners.keys():
            mine, its = self.owners[owner], other.owners[owner]
            if mine != its:
                raise ValueError(f"one pass watches one set of {owner} tokens, asked for {mine} and {its}")
        return Signals(
            tuple(dict.fromkeys(self.watch + other.watch)),
            self.top or other.top,
            self.entropy or other.entropy,
            self.certainty or other.certainty,
            self.steps or other.steps,
            other.probe if self.probe is None else self.probe,
            self.logprobs or other.logprobs,
            {**self.owners, **other.owners},
        )


def _confidence_token(watched: Iterable[int], owners: Mapping[str, tuple[int, ...]]) -> int | None:
    """Several tokens of one owner are one distribution (FineCE's value tokens), and none of them is a confidence."""
    shared = {token for tokens in owners.values() if len(tokens) > 1 for token in tokens}
    return next((token for token in watched if token not in shared), None)


@dataclass(frozen=True, slots=True)
class Trace:
    """Signals of one sample, one entry a drawn token, each empty where it was not collected.

    Attributes:
        logprobs: log-probability of the drawn token at temperature 1, in nats.
        watched: P(watched token) per watched id, in [0, 1].
        top: mean negative log-probability of the k most probable tokens, in nats.
        entropy: of the next-token distribution, in nats.
        certainty: KL(uniform || next-token distribution), in nats.
        steps: whether the token ends a step.
        probe: P(probed token) after the sample with that token appended, in [0, 1]; one number, not one a token.
        owners: the watched tokens of each owner, as in :class:`Signals`.
    """

    logprobs: tuple[float, ...] = ()
    watched: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    top: tuple[float, ...] = ()
    entropy: tuple[float, ...] = ()
    certainty: tuple[float, ...] = ()
    steps: tuple[bool, ...] = ()
    probe: float | None = None
    owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def confidence_token(self) -> int | None:
        """The first watched token whose probability is a confidence by itself; None if there is none."""
        return _confidence_token(self.watched, self.owners)

    @property
    def confidence(self) -> tuple[float, ...]:
        """P(confidence token) at each token; empty if no watched token is a confidence by itself."""
        token = self.confidence_token
        return () if token is None else self.watched[token]

    def owned_by(self, owner: str) -> tuple[tuple[float, ...], ...]:
        """Return the probabilities of an owner's watched tokens, in the owner's order, one tuple a token."""
        return tuple(self.watched[token] for token in self.owners.get(owner, ()))

    def covers(self, tokens: int) -> bool:
        """Whether there are signals of so many tokens, as many of each."""
        columns = (self.logprobs, self.top, self.entropy, self.certainty, self.steps, *self.watched.values())
        return {len(column) for column in columns if column} == {tokens}

    def truncated(self, n: int) -> Trace:
        """Return the trace of the first ``n`` tokens, without the probe at their old end."""
        return Trace(
            self.logprobs[:n],
            {token: values[:n] for token, values in self.watched.items()},
            self.top[:n],
            self.entropy[:n],
            self.certainty[:n],
            self.steps[:n],
            owners=self.owners,
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One draw, prefix included: ``text`` and ``token_ids`` are everything after the problem's prompt.

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
        given: how many of ``token_ids``, the first ones, are those of the prefix that it continues.
    """

    text: str = ""
    answer: str | None = None
    end: End = End.STOP
    confidence: float | None = None
    index: int = 0
    token_ids: tuple[int, ...] = ()
    trace: Trace = Trace()
    usage: Usage | None = None
    error: str | None = None
    given: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What a strategy returns for one problem.

    Attributes:
        answer: the answer, or None where the strategy abstains because no sample could be parsed.
        samples: every sample that the strategy received, in order of submission, failed ones included.
        reason: why the strategy stopped: the name of the rule that fired, or "budget".
        p_correct: P(the answer is right), in [0, 1], or None where the strategy does not estimate it. It is derived
            from the samples' confidences and is calibrated if they are.
        vote_share: the answer's share of the votes, in [0, 1], or None where nothing was voted on. Each vote counts its
            weight, or one where weights may be negative. A share of votes is not a probability of being right.
        usage: every token spent on the problem, or None where the source keeps no counts.
    """

    answer: str | None
    samples: tuple[Sample, ...]
    reason: str
    _: KW_ONLY
    p_correct: float | None = None
    vote_share: float | None = None
    usage: Usage | None = None

    @property
    def failed(self) -> int:
        """How many draws failed for good and used up budget."""
        return sum(s.end is End.FAILED for s in self.samples)


def total_usage(samples: Iterable[Sample]) -> Usage | None:
    """The sum over samples, or None where any of them has no counts."""
    usages = [s.usage for s in samples]
    if any(u is None for u in usages):
        return None
    return sum((u for u in usages if u is not None), Usage())
