"""The scorer seam: P(correct) for whole and partial samples.

Knows nothing about strategies; how a score was obtained (in the pass that drew the sample, by another pass, by
rollouts) is the scorer's business, and every token it costs is charged to the ledger through the engine it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Engine, Meter, Prefix
from tts.errors import UnsupportedError
from tts.types import Problem, Sample, Signals, Usage


class MeteredEngine:
    """What a scorer may use of an engine: ``score``, with every token charged to :attr:`usage`."""

    def __init__(self, engine: Engine) -> None:
        """Meter this engine for one call of a scorer."""
        self._engine = engine
        self.usage = Usage()

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
    """Another scorer's raw scores through a fitted calibration map."""

    def __init__(self, scorer: Scorer, calibration: Any) -> None:
        """Wrap ``scorer``; ``calibration`` maps an array of raw scores to probabilities."""
        self.scorer = scorer
        self.calibration = calibration

    @property
    def needs(self) -> Signals:
        """What the wrapped scorer needs."""
        return self.scorer.needs

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Calibrated scores, shape [len(samples)]."""
        raw = await self.scorer.score(problem, samples, engine)
        return np.asarray(self.calibration(raw), dtype=np.float64)
