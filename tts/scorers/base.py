"""The scorer seam: P(correct) for whole and partial samples.

Knows nothing about strategies; how a scorer obtains a score (in the pass that drew the sample, by another pass, by
rollouts) is its own business, and it charges every token to the ledger through the engine it receives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tts.engines.base import Capabilities
from tts.scorers.metered import MeteredEngine
from tts.types import Problem, Sample, Signals


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
        """True if it judges partial samples; False if it judges whole samples only."""
        ...

    @property
    def uses_engine(self) -> bool:
        """True if it asks the engine about a sample that was drawn with its signals."""
        ...

    @property
    def own_model(self) -> bool:
        """True if it asks a model of its own and never the one that drew the samples."""
        ...

    @property
    def reads_texts(self) -> bool:
        """True if it judges a sample without its signals by scoring prefixes of its text."""
        ...

    @property
    def compares_samples(self) -> bool:
        """True if the confidence of a sample depends on the other samples of the call."""
        ...

    @property
    def abstains(self) -> bool:
        """True if a score may be NaN, where it cannot be had: its sample counts as failed."""
        ...

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return what an engine cannot do that this scorer asks of it, and the remedy, or None."""
        ...

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """P(correct) of each sample, in [0, 1], shape [len(samples)].

        A score that cannot be had is an error, or NaN of a scorer that :attr:`abstains`, and never 0.5.
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
    own_model: bool = False
    reads_texts: bool = False
    compares_samples: bool = False
    abstains: bool = False

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Nothing; see :class:`Scorer`."""
        return None


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
        """True if the wrapped scorer judges partial samples."""
        return self.scorer.judges_prefixes

    @property
    def uses_engine(self) -> bool:
        """True if the wrapped scorer asks the engine."""
        return self.scorer.uses_engine

    @property
    def own_model(self) -> bool:
        """True if the wrapped scorer asks a model of its own alone."""
        return self.scorer.own_model

    @property
    def reads_texts(self) -> bool:
        """True if the wrapped scorer reads texts without signals."""
        return self.scorer.reads_texts

    @property
    def compares_samples(self) -> bool:
        """True if the wrapped scorer compares samples."""
        return self.scorer.compares_samples

    @property
    def abstains(self) -> bool:
        """True if the wrapped scorer abstains."""
        return self.scorer.abstains

    def lacks(self, capabilities: Capabilities) -> str | None:
        """Return what the wrapped scorer lacks."""
        return self.scorer.lacks(capabilities)

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: MeteredEngine) -> NDArray[np.float64]:
        """Calibrated scores, shape [len(samples)]."""
        read = self.scorer.raw if isinstance(self.scorer, RawScorer) else self.scorer.score
        return np.asarray(self.calibration(await read(problem, samples, engine)), dtype=np.float64)
