"""Pruners: how many copies of each partial beam live on, given their confidences.

Pruning, forking and resampling are one concept here: a beam with no copy is pruned, one with several is forked. Pure
functions of arrays; :mod:`strategies.beam` plays them.
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
    """Chooses which partial beams live on, and how often.

    Attributes:
        name: what configs call it.
    """

    name: ClassVar[str]

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """Copies of each beam that live on, shape [beams]; their sum is from 1 to ``free``.

        Args:
            confidence: P(correct) of each beam, in [0, 1], shape [beams].
            free: how many beams may be in play, >= 1.
            rng: the only source of randomness.
        """
        ...


def generator(key: str) -> np.random.Generator:
    """Random numbers that are the same for the same key, on every machine."""
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def ranked(confidence: Confidence) -> NDArray[np.intp]:
    """Indices of the beams, the most confident first, ties in order, shape [beams]."""
    return np.argsort(-confidence, kind="stable")


def shared(confidence: Confidence, lives: NDArray[np.bool_], free: int) -> Copies:
    """Free places in even shares for the beams that live, what does not divide one each for the most confident.

    Where none lives, the most confident beam does; where more live than there are places, the most confident of them.

    Args:
        confidence: of each beam, shape [beams].
        lives: whether each is to live on, shape [beams].
        free: places, >= 1.
    """
    order = ranked(confidence)
    kept = order[lives[order]][:free] if lives.any() else order[:1]
    share, rest = divmod(free, len(kept))
    copies = np.zeros(len(confidence), dtype=np.intp)
    copies[kept] = share
    copies[kept[:rest]] += 1
    return copies


def saving(copies: Copies, drawn: NDArray[np.float64], whole: float) -> float:
    """Tokens that a pruning is expected to save, >= 0.

    A fork saves the prefix that it need not draw, as it is there in place of a fresh beam. A pruned beam saves the rest
    that would have been drawn of it, but where a fork took its place nothing: of ``n`` pruned beams, as many as there
    are forks count as replaced, and each of the others saves the mean rest.

    Args:
        copies: as a pruner gives them, shape [beams].
        drawn: tokens of each beam so far, its prefix included, shape [beams].
        whole: expected tokens of a whole sample; a beam that is longer already has no rest.
    """
    forks, pruned = np.maximum(copies - 1, 0), copies == 0
    unreplaced = max(int(pruned.sum()) - int(forks.sum()), 0)
    rest = np.maximum(whole - drawn[pruned], 0.0)
    return float(forks @ drawn) + (unreplaced * float(rest.mean()) if unreplaced else 0.0)


def _unit_interval(pruner: str, **values: float) -> None:
    """Refuse values outside [0, 1] with one sentence."""
    for key, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise InputError(f"pruner {pruner} needs {key} in [0, 1], got {value}")


@dataclass(frozen=True)
class Keep:
    """Keeps all beams: the control that does not prune."""

    name: ClassVar[str] = "keep"

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return shared(confidence, np.ones(len(confidence), dtype=np.bool_), free)


@dataclass(frozen=True)
class Threshold:
    """Keeps beams with confidence of at least ``minimum``, in [0, 1], and the most confident one whatever it has."""

    minimum: float = 0.3
    name: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        """Refuse a minimum outside [0, 1]."""
        _unit_interval("threshold", minimum=self.minimum)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return shared(confidence, confidence >= self.minimum, free)


@dataclass(frozen=True)
class Gap:
    """Keeps beams whose confidence is at most ``gap``, in [0, 1], below that of the most confident one."""

    gap: float = 0.2
    name: ClassVar[str] = "gap"

    def __post_init__(self) -> None:
        """Refuse a gap outside [0, 1]."""
        _unit_interval("gap", gap=self.gap)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return shared(confidence, confidence >= confidence.max() - self.gap, free)


@dataclass(frozen=True)
class Quantile:
    """Keeps beams at or above the ``share`` quantile, in [0, 1], of the confidences, linearly interpolated.

    0 keeps all; 1 keeps the most confident one and those that tie with it.
    """

    share: float = 0.5
    name: ClassVar[str] = "quantile"

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1]."""
        _unit_interval("quantile", share=self.share)

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        return shared(confidence, confidence >= np.quantile(confidence, self.share), free)


@dataclass(frozen=True)
class TopK:
    """Keeps the ``k`` >= 1 most confident beams; ties go to the earlier one."""

    k: int = 2
    name: ClassVar[str] = "top_k"

    def __post_init__(self) -> None:
        """Refuse to keep none."""
        if self.k < 1:
            raise InputError(f"pruner top_k needs k >= 1, got {self.k}")

    def copies(self, confidence: Confidence, free: int, rng: np.random.Generator) -> Copies:
        """See :class:`Pruner`."""
        lives = np.zeros(len(confidence), dtype=np.bool_)
        lives[ranked(confidence)[: self.k]] = True
        return shared(confidence, lives, free)


@dataclass(frozen=True)
class Resample:
    """Draws every free place from softmax(confidence / ``temperature``), as a particle filter does; temperature > 0.

    Systematic: one uniform number sets a comb of ``free`` points over the cumulated weights, so that a beam of weight w
    gets ``free * w`` copies in expectation, rounded up or down.

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


PRUNERS: dict[str, type[Any]] = {kind.name: kind for kind in (Keep, Threshold, Gap, Quantile, TopK, Resample)}
