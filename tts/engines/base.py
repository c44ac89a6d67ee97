"""The seam to the source of samples: a live engine that streams them, or a recording that holds them.

Knows nothing about strategies or scoring rules. Every engine counts its own work on the request's :class:`Meter`, so
that tokens of aborted and failed draws are known exactly, streamed or not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from tts.engines.sampling import SamplingChange
from tts.types import END, EVERY_COLUMN, Boundary, End, Problem, Sample, Signals, ToolCall, Trace
from tts.wording import filled


@dataclass(slots=True)
class Meter:
    """The work of an engine for one request: the engine adds, the driver reads once the stream is closed."""

    prompt: int = 0
    prompt_cached: int = 0
    drawn: int = 0
    discarded: int = 0  # drawn tokens past a boundary, which are no part of the sample
    estimated: bool = False  # the engine does not know all of these numbers and has estimated some
    first_s: float | None = None  # when the first token was drawn, in seconds since the epoch

    def add_drawn(self, tokens: int) -> None:
        """Count drawn tokens, and keep the time of the first one."""
        if self.first_s is None and tokens:
            self.first_s = time()
        self.drawn += tokens


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities of an engine beyond drawing whole samples.

    Attributes:
        watch_tokens: reports P(watched token) in the pass that draws.
        score_prefix: offers ``score``.
        branch: continues a given prefix and stops at boundaries.
        continues: continues a given prefix to the end of the sample, from exactly its ``token_ids`` where it has some.
        top: the largest k of the signal of that name that it collects.
        alternatives: the most of the signal of that name that it collects; of further ones it collects these.
        entropy, certainty, processed, steps, logprobs: collects the signal of that name.
        probe: reads ``Signals.probe`` after a sample.
        adapters: ``score`` takes ``adapter``, a directory of LoRA weights to read with.
        watch_beside_top: collects watched tokens and ``Signals.top`` in the same pass.
        turns: draws a reply to a further turn of the conversation, ``Request.turn``.
        first_tokens: the most probable first tokens of such a reply whose probabilities it tells; 0 if it tells none.
        reads: the columns of a trace that ``read`` gives for a given text; none if the engine reads no texts.
        calls: gives the calls of tools apart from the text, for problems with tools.
        stop_texts: ends samples at the texts of ``SamplingChange.stop``.
        inexact: the sampling parameters that keep it from collecting ``processed``, such as "temperature=0.8".
        lacks: words for an ability that it lacks, by the ability's name, where it can say more than the ability does.
    """

    watch_tokens: bool = False
    score_prefix: bool = False
    branch: bool = False
    continues: bool = False
    top: int = 0
    alternatives: int = 0
    entropy: bool = False
    certainty: bool = False
    processed: bool = False
    steps: bool = False
    probe: bool = False
    adapters: bool = False
    logprobs: bool = True
    watch_beside_top: bool = True
    turns: bool = False
    first_tokens: int = 0
    reads: frozenset[str] = frozenset()
    calls: bool = False
    stop_texts: bool = False
    inexact: str = ""
    lacks: Mapping[str, str] = field(default_factory=dict)

    def lacking(self, signals: Signals) -> str | None:
        """Return the first of these signals that the engine cannot collect, in words, or None."""
        if signals.watch and not self.watch_tokens:
            return "the probability of a watched token"
        if signals.top > self.top > 0:
            return f"the {signals.top} most probable tokens (at most {self.top})"
        if signals.watch and (signals.top or signals.alternatives) and not self.watch_beside_top:
            return f"both a watched token and {'top-k confidences' if signals.top else 'alternatives'} in one pass"
        for column in EVERY_COLUMN:
            if signals.requests(column) and column.capability and not getattr(self, column.capability):
                return self.lacks.get(column.capability, column.lack)
        return None

    def unreadable(self, signals: Signals) -> str | None:
        """Return the first of these signals that the engine cannot read from a given text, in words, or None."""
        for column in EVERY_COLUMN:
            if signals.requests(column) and column.name not in self.reads:
                return column.lack
        if signals.top > self.top:
            return f"the {signals.top} most probable tokens (at most {self.top})"
        return None


@dataclass(frozen=True, slots=True)
class Turn:
    """A further turn of a conversation: the model's reply to the problem, and what the user says next."""

    reply: str
    question: str


@dataclass(frozen=True, slots=True)
class Request:
    """One sample to draw: number ``index`` of its problem, attempt ``attempt`` after failures.

    ``ahead`` marks a draw that the strategy has not asked for yet: it may be aborted, so its count must stay current.
    ``turn`` asks engines that can for the reply to a further turn. ``sampling`` is for this sample alone.
    """

    problem: Problem
    index: int = 0
    prefix: Sample | None = None
    until: Boundary = END
    signals: Signals = field(default_factory=Signals)
    attempt: int = 0
    ahead: bool = False
    turn: Turn | None = None
    sampling: SamplingChange | None = None
    meter: Meter = field(default_factory=Meter, compare=False)

    def key(self, seed: int, prefix: object) -> str:
        """Return the text that decides the sample's tokens, beside the model.

        Args:
            seed: of the run.
            prefix: stands for the prefix that the sample continues.
        """
        return f"{seed}|{self.problem.id}|{self.index}|{self.attempt}|{prefix}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a sample, from servers with ``reasoning`` and ``calls`` apart; ``end`` is set on the last one only.

    ``unnamed`` says that ids or signals of some of its tokens are not known, on an engine that gives ids.
    """

    text: str
    token_ids: tuple[int, ...]
    trace: Trace = field(default_factory=Trace)
    end: End | None = None
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    unnamed: bool = False


@dataclass(frozen=True, slots=True)
class Prefix:
    """Something to read: a problem, the text generated so far, and perhaps a question about it.

    Special tokens that the question, the text or a field spells are plain text.

    Attributes:
        problem: the problem.
        text: the text behind the problem's prompt.
        token_ids: the tokens of the text, where they are known.
        tail: a template behind the text, with ``{name}`` for each field; special tokens in it are tokens.
        fields: the texts to fill in.
        last_ids: tokens behind everything else.
    """

    problem: Problem
    text: str = ""
    token_ids: tuple[int, ...] = ()
    tail: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    last_ids: tuple[int, ...] = ()

    def filled(self, guard: Callable[[str], str] = str) -> str:
        """Return the tail with its fields, ``guard`` applied to each of them."""
        return filled(self.tail, self.fields, guard)


@runtime_checkable
class Engine(Protocol):
    """Draws live samples. Failures raise :class:`~tts.errors.EngineError`; anything else is a bug and propagates."""

    @property
    def capabilities(self) -> Capabilities:
        """The abilities of the engine."""
        ...

    def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample; closing the iterator aborts it. Work is added to ``request.meter``."""
        ...

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix), shape [len(prefixes), len(tokens)].

        Args:
            prefixes: the prefixes to read.
            tokens: ids of the tokens whose probability is wanted after each prefix.
            meter: the work is added to it.
            adapter: the directory of LoRA weights to read with; None reads with the model alone.

        Raises:
            UnsupportedError: an adapter, and the engine's capabilities lack ``adapters``.
        """
        ...

    async def read(
        self,
        problem: Problem,
        text: str,
        signals: Signals,
        meter: Meter,
        *,
        token_ids: tuple[int, ...] = (),
        ended: bool = False,
    ) -> Trace:
        """Return the signals of every token of a given text, as the pass that draws it would collect them.

        Args:
            problem: the problem that the text answers.
            text: the text behind the problem's prompt.
            signals: the signals to read.
            meter: the work is added to it.
            token_ids: the tokens of the text, where they are known, with the one that ended it.
            ended: whether the model ended the text. An end-of-sequence token is read behind a text whose tokens are not
                known, and ``signals.probe`` takes the place of the last token.

        Raises:
            InputError: the text does not fit the context, or a token that the model does not have.
            UnsupportedError: a signal that ``capabilities.reads`` lacks.
            EngineError: the engine failed.
        """
        ...

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the token ids of a text by itself.

        Args:
            text: the text.
            special: whether special tokens that it spells are these tokens; if not, they are plain text.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        ...

    def prefix_ids(self, prefix: Prefix) -> tuple[int, ...]:
        """Return the token ids of a text behind its problem's prompt.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        ...

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        """Return the token ids of a problem's prompt, special tokens included.

        Raises:
            InputError: the prompt leaves no room in the model's context.
            UnsupportedError: the engine knows no tokens.
        """
        ...


@runtime_checkable
class Recording(Protocol):
    """A source of recorded samples: replay is exact for strategies that only stop or select."""

    def recorded(self, problem: Problem) -> Sequence[Sample]:
        """Return the samples of a problem, in the order in which draws deliver them."""
        ...
