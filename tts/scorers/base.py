"""The scorer seam: P(correct) for whole and partial samples.

Knows nothing about strategies; how a score was obtained (in the pass that drew the sample, by another pass, by
rollouts) is the scorer's business, and every token it costs is charged to the ledger through the engine it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts.engines.base import Engine, Meter, Prefix, Request
from tts.errors import EngineError, UnsupportedError
from tts.types import TOKENS, Problem, Sample, Signals, Usage


class MeteredEngine:
    """What a scorer may use of an engine, with every token charged to :attr:`usage`."""

    def __init__(self, engine: Engine | None) -> None:
        """Meter this engine for one call of a scorer; None where recorded samples are judged without one."""
        self._given = engine
        self.usage = Usage()

    @property
    def _engine(self) -> Engine:
        if self._given is None:
            raise UnsupportedError(
                "there is no model here to read a text with: draw the samples with the signals that this scorer reads"
            )
        return self._given

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int]) -> NDArray[Any]:
        """P(token | prefix), shape [len(prefixes), len(tokens)].

        Raises:
            UnsupportedError: the engine cannot score prefixes.
        """
        if not self._engine.capabilities.score_prefix:
            raise UnsupportedError(
                f"{type(self._engine).__name__} cannot score a prefix: use a scorer that reads signals of the pass "
                "that drew the sample, or an engine that can"
            )
        meter = Meter()
        try:
            return await self._engine.score(prefixes, tokens, meter)
        finally:  # a pass that failed has cost its tokens too
            self._charge(meter)

    def encode(self, text: str) -> tuple[int, ...]:
        """The token ids of a text, without special tokens.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.encode(text)

    async def complete(self, prefix: Prefix, max_tokens: int, *, index: int = 0, attempt: int = 0) -> str:
        """What the engine, sampling as it is configured, writes after ``prefix``.

        Args:
            prefix: the problem and the text to continue.
            max_tokens: the most tokens to draw, >= 1.
            index: the number of the draw that is judged, for engines that seed by it.
            attempt: > 0 where an earlier answer to the same prefix was of no use.

        Raises:
            UnsupportedError: the engine cannot continue a prefix.
        """
        if not self._engine.capabilities.branch:
            raise UnsupportedError(
                f"{type(self._engine).__name__} cannot continue a text: use a scorer that asks for no words"
            )
        begun = Sample(prefix.text, index=index, token_ids=self.encode(prefix.text))
        request = Request(prefix.problem, index, prefix=begun, until=TOKENS(max_tokens), attempt=attempt)
        text, ended = [], False
        try:
            async with aclosing(self._engine.sample(request)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    text.append(chunk.text)
                    ended = chunk.end is not None
        finally:  # also where it failed or was cancelled
            self._charge(request.meter)
        if not ended:
            raise EngineError(f"{type(self._engine).__name__} ended a stream without saying why")
        return "".join(text)

    def charge(self, tokens: int) -> None:
        """Charge tokens that a scorer had read by a model of its own."""
        self.usage += Usage(scorer_prefill=tokens)

    def _charge(self, meter: Meter) -> None:
        self.usage += Usage(scorer_prefill=meter.prompt + meter.prompt_cached, scorer_decode=meter.drawn)


@runtime_checkable
class Scorer(Protocol):
    """Judges samples of one problem; ``needs`` says what to collect while they are drawn."""

    @property
    def needs(self) -> Signals:
        """Signals to collect in the pass that draws."""
        ...

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct) of each sample, in [0, 1], shape [len(samples)].

        A score that cannot be had is an error, never 0.5.
        """
        ...


@runtime_checkable
class RawScorer(Protocol):
    """A scorer whose probability is a function of a raw score on another scale; a calibration reads the raw one."""

    async def raw(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The raw score of each sample, any finite number, high where it is good, shape [len(samples)]."""
        ...


class ConstantScorer:
    """The same confidence for every sample: the control that knows nothing."""

    needs = Signals()

    def __init__(self, value: float = 0.5) -> None:
        """Take the value, in [0, 1]."""
        self.value = value

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The constant, shape [len(samples)]."""
        return np.full(len(samples), self.value)


class OracleScorer:
    """1 where the answer is the gold answer, else 0: the upper bound for any scorer."""

    needs = Signals()

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Grades, shape [len(samples)].

        Raises:
            UnsupportedError: the problem has no gold answer.
        """
        if problem.gold is None:
            raise UnsupportedError(f"the oracle scorer needs a gold answer and problem {problem.id!r} has none")
        return np.array([s.answer == problem.gold for s in samples], dtype=np.float64)


class Calibrated:
    """Another scorer's scores through a fitted calibration map: its raw scores where it has such, else its own."""

    def __init__(self, scorer: Scorer, calibration: Callable[[NDArray[np.float64]], ArrayLike]) -> None:
        """Wrap ``scorer``; ``calibration`` maps an array of (raw) scores to probabilities."""
        self.scorer = scorer
        self.calibration = calibration

    @property
    def needs(self) -> Signals:
        """What the wrapped scorer needs."""
        return self.scorer.needs

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Calibrated scores, shape [len(samples)]."""
        read = self.scorer.raw if isinstance(self.scorer, RawScorer) else self.scorer.score
        return np.asarray(self.calibration(await read(problem, samples, engine)), dtype=np.float64)
