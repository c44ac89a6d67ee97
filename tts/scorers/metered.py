"""The engine as a scorer sees it: every token that the scorer reads or draws is charged."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from tts.engines.base import Engine, Meter, Prefix, Request, Turn
from tts.engines.sampling import SamplingChange
from tts.engines.streams import collected, owned, together
from tts.errors import UnsupportedError
from tts.types import TOKENS, Draw, End, Problem, Sample, Signals, Trace, Usage

HoldRow = Callable[[], AbstractAsyncContextManager[None]]
ROLLOUTS = 1 << 20
"""The first number of a rollout. Strategies number their draws below: an engine seeds its noise by the number, and a
rollout under the number of a draw from the same prefix would be the very future that it is to foretell."""


def rollout(sample: Sample, node: int, nodes: int) -> int:
    """The number of a rollout that judges a sample; no two rollouts of a question have the same.

    Args:
        sample: what is judged, by its own number among the draws of its question.
        node: which of its rollouts, in [0, nodes).
        nodes: how many it may have, the same for every sample.
    """
    return ROLLOUTS + sample.index * nodes + node


@runtime_checkable
class TellsFirstToken(Protocol):
    """An engine whose capabilities have ``first_tokens``."""

    async def first_token(self, request: Request) -> Mapping[str, float]:
        """Return the probability of each first token of a reply that is known, by its text."""
        ...


class MeteredEngine:
    """The part of an engine that a scorer may use; every token is charged to :attr:`usage`."""

    def __init__(
        self, engine: Engine | None, *, row: HoldRow = nullcontext, sampling: SamplingChange | None = None
    ) -> None:
        """Meter this engine for one call of a scorer.

        Args:
            engine: the engine; None judges recorded samples without one.
            row: holds a row of the engine's batch while a sample is drawn.
            sampling: changes sampling parameters of the samples that are drawn.
        """
        self._given, self._row, self._sampling = engine, row, sampling
        self.usage = Usage()

    @property
    def _engine(self) -> Engine:
        if self._given is None:
            raise UnsupportedError(
                "there is no model here to read a text with: draw the samples with the signals that this scorer reads"
            )
        return self._given

    @property
    def adapters(self) -> bool:
        """True if the engine reads prefixes with adapters that a scorer names."""
        return self._given is not None and self._given.capabilities.adapters

    @property
    def turns(self) -> bool:
        """True if the engine replies to a further turn of the conversation."""
        return self._given is not None and self._given.capabilities.turns

    async def reply(self, problem: Problem, turn: Turn, max_tokens: int, *, index: int = 0, attempt: int = 0) -> str:
        """Return the reply to a further turn, with the engine's configured sampling parameters.

        Args:
            problem: the problem of the conversation.
            turn: the model's reply to it, and what it is asked next.
            max_tokens: the most tokens to draw, >= 1.
            index: the number of the draw that is judged, for engines that seed by it.
            attempt: > 0 if an earlier answer to the same turn was not usable.

        Raises:
            EngineError: the engine failed.
        """
        request = Request(problem, index, until=TOKENS(max_tokens), attempt=attempt, turn=turn)
        return (await self._collected(request)).text

    async def first_token(self, problem: Problem, turn: Turn, *, index: int = 0) -> Mapping[str, float]:
        """Return the probability of each first token of the reply to a further turn that is known, by its text.

        Raises:
            UnsupportedError: the engine returns none.
            EngineError: the engine failed.
        """
        engine = self._engine
        if not isinstance(engine, TellsFirstToken):
            raise UnsupportedError("this engine does not tell the probabilities of the first tokens of a reply")
        request = Request(problem, index, until=TOKENS(1), turn=turn)
        try:
            return await engine.first_token(request)
        finally:
            self._charge(request.meter)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix), shape [len(prefixes), len(tokens)].

        Args:
            prefixes: the prefixes to read.
            tokens: ids of the tokens whose probability is wanted after each prefix.
            adapter: the directory of adapters to read them with, for an engine with :attr:`adapters`.

        Raises:
            UnsupportedError: the engine cannot score prefixes.
        """
        if not self._engine.capabilities.score_prefix:
            raise UnsupportedError(
                "this engine cannot score a prefix: use a scorer that reads signals of the pass "
                "that drew the sample, or an engine that can"
            )
        meter = Meter()
        try:
            return await self._engine.score(prefixes, tokens, meter, adapter=adapter)
        finally:  # a failed pass costs its tokens too
            self._charge(meter)

    def unreadable(self, signals: Signals) -> str | None:
        """Return the first of these signals that the engine cannot read from a given text, in words, or None."""
        return "any signal" if self._given is None else self._given.capabilities.unreadable(signals)

    async def read(self, problem: Problem, samples: Sequence[Sample], signals: Signals) -> list[Trace]:
        """Return the signals of every token of samples, all samples at the same time.

        Args:
            problem: the problem that they answer.
            samples: each is read by its tokens where it has them, else by its text.
            signals: the signals to read.

        Raises:
            UnsupportedError: the engine cannot read them.
            EngineError: the engine failed.
        """
        meter = Meter()

        def read(sample: Sample) -> Coroutine[Any, Any, Trace]:
            ended = sample.end is End.STOP
            return self._engine.read(problem, sample.text, signals, meter, token_ids=sample.token_ids, ended=ended)

        try:
            return await together([read(sample) for sample in samples])
        finally:
            self._charge(meter)

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """The token ids of a text by itself.

        Args:
            text: the text.
            special: whether special tokens that it spells are these tokens; if not, they are plain text.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.encode(text, special=special)

    def prefix_ids(self, prefix: Prefix) -> tuple[int, ...]:
        """The token ids of a text behind its problem's prompt.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.prefix_ids(prefix)

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        """The token ids of a problem's prompt, special tokens included.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.prompt_ids(problem)

    async def complete(self, prefix: Prefix, max_tokens: int, *, index: int = 0, attempt: int = 0) -> str:
        """Return the text that the engine draws after ``prefix``, with its configured sampling parameters.

        Args:
            prefix: the problem and the text to continue.
            max_tokens: the most tokens to draw, >= 1.
            index: the number of the draw that is judged, for engines that seed by it.
            attempt: > 0 if an earlier answer to the same prefix was not usable.

        Raises:
            UnsupportedError: the engine cannot continue a prefix.
        """
        self._check_branches()
        begun = Sample(prefix.text + prefix.filled(), index=index, token_ids=self.prefix_ids(prefix))
        request = Request(prefix.problem, index, prefix=begun, until=TOKENS(max_tokens), attempt=attempt)
        return (await self._collected(request)).text[len(begun.text) :]

    async def draw(self, problem: Problem, draw: Draw, *, signals: Signals, first: int) -> list[Sample]:
        """Rollouts: ``draw.n`` samples that go on from the draw's prefixes, these included and without answers.

        All are drawn at the same time; when one fails, or the caller is cancelled, none is left running.

        Args:
            problem: the problem.
            draw: how many, what they continue, and where they end.
            signals: what to collect while drawing them.
            first: the number of the first one, at least :data:`ROLLOUTS`; see :func:`rollout`.

        Raises:
            UnsupportedError: the engine cannot continue a prefix.
            EngineError: one of them failed.
        """
        self._check_branches()
        requests = [
            Request(problem, first + k, draw.single(k).prefix, draw.until, signals, sampling=self._sampling)
            for k in range(draw.n)
        ]
        return await together([self._collected(request) for request in requests])

    async def ask(self, judge: Engine, request: Request) -> str:
        """Return the whole text that another engine draws; its tokens are charged as all others.

        Args:
            judge: the other engine.
            request: what it is asked.

        Raises:
            EngineError: the other engine failed.
        """
        try:
            return (await collected(judge, request)).text
        finally:
            self._charge(request.meter)

    def charge(self, tokens: int) -> None:
        """Charge tokens that a scorer read with a separate model."""
        self.usage += Usage(scorer_prefill=tokens)

    def _check_branches(self) -> None:
        if not self._engine.capabilities.branch:
            raise UnsupportedError("this engine cannot continue a text: use a scorer that asks for no words")

    async def _collected(self, request: Request) -> Sample:
        try:
            async with self._row():
                return await collected(self._engine, request)
        finally:  # also where it failed or was cancelled
            self._charge(request.meter)

    def _charge(self, meter: Meter) -> None:
        self.usage += Usage(scorer_prefill=meter.prompt + meter.prompt_cached, scorer_decode=meter.drawn)


def lacking(samples: Sequence[Sample], signals: Signals) -> list[Sample]:
    """Return the samples that hold a text and lack one of these signals."""
    return [sample for sample in samples if sample.text and sample.trace.lacks(signals)]


async def with_signals(
    problem: Problem, samples: Sequence[Sample], signals: Signals, engine: MeteredEngine
) -> list[Sample]:
    """Return the samples with these signals.

    What was recorded is not read, and what only a draw can record stays as it is. Where the engine cannot read what is
    missing, the samples stay as they are: a scorer reads their texts in its own way, or refuses them.

    Args:
        problem: the problem that they answer.
        samples: whole or partial samples.
        signals: the signals that each must have.
        engine: reads what is missing; every token is charged.

    Raises:
        EngineError: the engine failed.
    """
    signals = signals.readable
    missing = lacking(samples, signals)
    if not missing or engine.unreadable(signals) is not None:
        return [*samples]
    wanted = replace(signals, logprobs=True) if engine.unreadable(Signals(logprobs=True)) is None else signals
    traces = iter(await engine.read(problem, missing, wanted))
    chosen = {id(sample) for sample in missing}
    return [
        replace(sample, trace=owned(next(traces).with_draw(sample.trace), signals)) if id(sample) in chosen else sample
        for sample in samples
    ]
