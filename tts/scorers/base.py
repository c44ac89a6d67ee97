"""The scorer seam: P(correct) for whole and partial samples.

Knows nothing about strategies; how a score was obtained (in the pass that drew the sample, by another pass, by
rollouts) is the scorer's business, and every token it costs is charged to the ledger through the engine it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts.engines.base import Engine, Meter, Prefix, Request
from tts.engines.streams import collected, together
from tts.errors import UnsupportedError
from tts.types import TOKENS, Draw, Problem, Sample, Signals, Usage

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

    @property
    def adapters(self) -> bool:
        """Whether the engine reads prefixes with adapters that a scorer names."""
        return self._given is not None and self._given.capabilities.adapters

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """P(token | prefix), shape [len(prefixes), len(tokens)].

        Args:
            prefixes: what to read.
            tokens: ids of the tokens whose probability to tell after each of them.
            adapter: the directory of adapters to read them with, where the engine has :attr:`adapters`.

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
            given = {} if adapter is None else {"adapter": adapter}
            return await self._engine.score(prefixes, tokens, meter, **given)
        finally:  # a pass that failed has cost its tokens too
            self._charge(meter)

    def encode(self, text: str) -> tuple[int, ...]:
        """The token ids of a text, without special tokens.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.encode(text)

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        """The token ids of a problem's prompt, special tokens included.

        Raises:
            UnsupportedError: the engine knows no tokens.
        """
        return self._engine.prompt_ids(problem)

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
        self._check_branches()
        begun = Sample(prefix.text, index=index, token_ids=self.encode(prefix.text))
        request = Request(prefix.problem, index, prefix=begun, until=TOKENS(max_tokens), attempt=attempt)
        return (await self._collected(request)).text[len(begun.text) :]

    async def draw(self, problem: Problem, draw: Draw, *, signals: Signals, first: int) -> list[Sample]:
        """Rollouts: ``draw.n`` samples that go on from ``draw.prefix``, prefix included and without answers.

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
        requests = [Request(problem, first + k, draw.prefix, draw.until, signals) for k in range(draw.n)]
        return await together([self._collected(request) for request in requests])

    def charge(self, tokens: int) -> None:
        """Charge tokens that a scorer had read by a model of its own."""
        self.usage += Usage(scorer_prefill=tokens)

    def _check_branches(self) -> None:
        if not self._engine.capabilities.branch:
            raise UnsupportedError(
                f"{type(self._engine).__name__} cannot continue a text: use a scorer that asks for no words"
            )

    async def _collected(self, request: Request) -> Sample:
        try:
            return await collected(self._engine, request)
        finally:  # also where it failed or was cancelled
            self._charge(request.meter)

    def _charge(self, meter: Meter) -> None:
        self.usage += Usage(scorer_prefill=meter.prompt + meter.prompt_cached, scorer_decode=meter.drawn)


@runtime_checkable
class Scorer(Protocol):
    """Judges samples of one problem; :class:`BaseScorer` has defaults for all but ``score``."""

    @property
    def name(self) -> str:
        """The name in configurations and calibration files."""
        ...

    @property
    def key(self) -> Mapping[str, object]:
        """Everything its confidences depend on beside the model, as JSON values; empty takes its options as given."""
        ...

    @property
    def needs(self) -> Signals:
        """Signals to collect in the pass that draws."""
        ...

    @property
    def judges_prefixes(self) -> bool:
        """Whether it judges partial samples; else it judges whole ones only."""
        ...

    @property
    def uses_engine(self) -> bool:
        """Whether it asks the engine about a sample that was drawn with its signals."""
        ...

    @property
    def compares_samples(self) -> bool:
        """Whether the confidence of a sample depends on the samples that are judged together with it."""
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


class BaseScorer:
    """Defaults for scorers: no signals, whole and partial samples, each judged alone and without the engine."""

    name: str = "unnamed"
    key: Mapping[str, object] = MappingProxyType({})
    needs: Signals = Signals()
    judges_prefixes: bool = True
    uses_engine: bool = False
    compares_samples: bool = False


class ConstantScorer(BaseScorer):
    """The same confidence for every sample: the control that knows nothing."""

    name = "constant"

    def __init__(self, value: float = 0.5) -> None:
        """Take the value, in [0, 1]."""
        self.value = value

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """The constant, shape [len(samples)]."""
        return np.full(len(samples), self.value)


class RandomScorer(BaseScorer):
    """A confidence that differs from sample to sample and says nothing: the control of whatever is guided by one."""

    name = "random"

    def __init__(self, seed: int = 0) -> None:
        """Take the seed, which decides every confidence."""
        self.seed = seed

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Uniform in [0, 1), the same for the same seed, problem, number and text, shape [len(samples)]."""
        keys = (f"{self.seed}|{problem.id}|{sample.index}|{sample.text}" for sample in samples)
        digests = [hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).digest() for key in keys]
        return np.array([int.from_bytes(digest, "little") / 2**48 for digest in digests], dtype=np.float64)


class OracleScorer(BaseScorer):
    """1 where the answer is the gold answer, else 0: the upper bound for any scorer."""

    name = "oracle"
    judges_prefixes = False

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
    def name(self) -> str:
        """The name of the wrapped scorer."""
        return self.scorer.name

    @property
    def key(self) -> Mapping[str, object]:
        """The key of the wrapped scorer."""
        return self.scorer.key

    @property
    def needs(self) -> Signals:
        """The signals of the wrapped scorer."""
        return self.scorer.needs

    @property
    def judges_prefixes(self) -> bool:
        """Whether the wrapped scorer judges partial samples."""
        return self.scorer.judges_prefixes

    @property
    def uses_engine(self) -> bool:
        """Whether the wrapped scorer asks the engine."""
        return self.scorer.uses_engine

    @property
    def compares_samples(self) -> bool:
        """Whether the wrapped scorer compares samples."""
        return self.scorer.compares_samples

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Calibrated scores, shape [len(samples)]."""
        read = self.scorer.raw if isinstance(self.scorer, RawScorer) else self.scorer.score
        return np.asarray(self.calibration(await read(problem, samples, engine)), dtype=np.float64)
