"""Pruners: the number of copies of each partial beam that survive, given the beams' confidences.

Pruning, forking and resampling are one concept here: a beam with no copy is pruned, a beam with several is forked. Pure
functions of arrays; :mod:`strategies.beam` applies them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from tts.errors import InputError

Confidence = NDArray[np.float64]
Copies = NDArray[np.intp]


class Pruner(Protocol):
    """A choice of the partial beams that survive, and of their number of copies.

    Attributes:
        name: the pruner's name in configurations.
    """

    name: ClassVar[str]

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """Return the copies of each beam that survive, shape [beams]; their sum is from 1 to ``free``.

        Args:
            confidence: P(correct) of each beam, in [0, 1], shape [beams].
            free: number of beams that may be in play, >= 1.
            rng: the only source of randomness.
        """
        ...


def keyed_generator(key: str) -> np.random.Generator:
    """Return a generator of random numbers that are the same for the same key, on every machine."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def rank_by_confidence(confidence: Confidence) -> NDArray[np.intp]:
    """Return the indices of the beams, the most confident first, ties in order, shape [beams]."""
    return np.argsort(-confidence, kind="stable")


def share_places(confidence: Confidence, survives: NDArray[np.bool_], free: int) -> Copies:
    """Return the copies of each beam when the survivors share the free places evenly, shape [beams].

    The most confident survivors get the places that remain. If no beam survives, the most confident one does; if there
    are more survivors than places, the most confident of them get one each.

    Args:
        confidence: of each beam, shape [beams].
        survives: True for each beam that survives, shape [beams].
        free: places, >= 1.
    """
    order = rank_by_confidence(confidence)
    survivors = order[survives[order]][:free] if survives.any() else order[:1]
    share, rest = divmod(free, len(survivors))
    copies = np.zeros(len(confidence), dtype=np.intp)
    copies[survivors] = share
    copies[survivors[:rest]] += 1
    return copies


def expected_saving(copies: Copies, drawn: NDArray[np.float64], whole: float) -> float:
    """Return the number of tokens that a pruning is expected to save, >= 0.

    A fork saves its prefix, which a fresh beam in its place would have to draw. A pruned beam saves its remaining
    tokens, unless a fork takes its place: as many pruned beams as there are forks count as replaced, and each of the
    others saves the mean of the remaining tokens.

    Args:
        copies: the pruner's result, shape [beams].
        drawn: tokens of each beam so far, its prefix included, shape [beams].
        whole: expected tokens of a whole sample; a longer beam has no remaining tokens.
    """
    forks, pruned = np.maximum(copies - 1, 0), copies == 0
    unreplaced = max(int(pruned.sum()) - int(forks.sum()), 0)
    rest = np.maximum(whole - drawn[pruned], 0.0)
    return float(forks @ drawn) + (unreplaced * float(rest.mean()) if unreplaced else 0.0)


def _unit_interval(pruner: str, **values: float) -> None:
    """Refuse values outside [0, 1]."""
    for key, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise InputError(f"pruner {pruner} needs {key} in [0, 1], got {value}")


@dataclass(frozen=True)
class NoPruning:
    """Keep all beams: the control that does not prune."""

    name: ClassVar[str] = "no_pruning"

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return share_places(confidence, np.ones(len(confidence), dtype=np.bool_), free)


@dataclass(frozen=True)
class Threshold:
    """Keep beams with confidence of at least ``min_confidence``, in [0, 1], and the most confident one in any case."""

    min_confidence: float = 0.3
    name: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        """Refuse a confidence outside [0, 1]."""
        _unit_interval("threshold", min_confidence=self.min_confidence)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return share_places(confidence, confidence >= self.min_confidence, free)


@dataclass(frozen=True)
class Gap:
    """Keep beams whose confidence is at most ``max_gap``, in [0, 1], below that of the most confident one."""

    max_gap: float = 0.2
    name: ClassVar[str] = "gap"

    def __post_init__(self) -> None:
        """Refuse a gap outside [0, 1]."""
        _unit_interval("gap", max_gap=self.max_gap)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return share_places(confidence, confidence >= confidence.max() - self.max_gap, free)


@dataclass(frozen=True)
class Quantile:
    """Keep beams at or above the ``quantile``, in [0, 1], of the confidences, linearly interpolated.

    0 keeps all; 1 keeps the most confident one and those that tie with it.
    """

    quantile: float = 0.5
    name: ClassVar[str] = "quantile"

    def __post_init__(self) -> None:
        """Refuse a quantile outside [0, 1]."""
        _unit_interval("quantile", quantile=self.quantile)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return share_places(confidence, confidence >= np.quantile(confidence, self.quantile), free)


@dataclass(frozen=True)
class TopK:
    """Keep the ``k`` >= 1 most confident beams; ties go to the earlier one."""

    k: int = 2
    name: ClassVar[str] = "top_k"

    def __post_init__(self) -> None:
        """Refuse to keep none."""
        if self.k < 1:
            raise InputError(f"pruner top_k needs k >= 1, got {self.k}")

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        survives = np.zeros(len(confidence), dtype=np.bool_)
        survives[rank_by_confidence(confidence)[: self.k]] = True
        return share_places(confidence, survives, free)


@dataclass(frozen=True)
class Resample:
    """Draw every free place from softmax(confidence / ``temperature``), as a particle filter does; temperature > 0.

    Sampling is systematic: one uniform number sets a comb of ``free`` points over the cumulated weights, so a beam of
    weight w gets ``free * w`` copies in expectation, rounded up or down.

    Source:
        Kitagawa, "Monte Carlo Filter and Smoother for Non-Gaussian Nonlinear State Space Models", 1996.
    """

    temperature: float = 0.1
    name: ClassVar[str] = "resample"

    def __post_init__(self) -> None:
        """Refuse a temperature that is not positive."""
        if not self.temperature > 0.0:
            raise InputError(f"pruner resample needs temperature > 0, got {self.temperature}")

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        weights = np.exp((confidence - confidence.max()) / self.temperature)
        edges = np.cumsum(weights / weights.sum())[:-1]
        comb = (np.arange(free) + rng.random()) / free
        return np.bincount(np.searchsorted(edges, comb, side="right"), minlength=len(confidence))


PRUNERS: dict[str, type[Any]] = {kind.name: kind for kind in (NoPruning, Threshold, Gap, Quantile, TopK, Resample)}
"""The pruners that a configuration can name."""
