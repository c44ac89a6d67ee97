"""The beam family: partial samples drawn to a boundary, pruned by confidence, the survivors forked.

:class:`Pruner` is the seam: which of the unfinished beams live on. ``PrunedBeams`` needs a scorer that can judge
partial samples and an engine that can continue one; a recording is refused, because nobody recorded the forks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from strategies.base import Steps
from strategies.tally import Tally
from strategies.weighting import Linear, Weighting
from tts.errors import InputError, UnsupportedError
from tts.types import STEP, Boundary, Decision, Draw, End, Problem, Sample, total_usage


class Pruner(Protocol):
    """Chooses which unfinished beams live on."""

    def survivors(self, confidence: NDArray[np.float64]) -> Sequence[int]:
        """Indices of the beams to keep, at least one, best first; ``confidence`` has shape [beams]."""
        ...


@dataclass(frozen=True)
class TopK:
    """Keeps the ``k`` most confident beams; ties go to the earlier one."""

    k: int = 2

    def __post_init__(self) -> None:
        """Refuse to keep none."""
        if self.k < 1:
            raise InputError(f"pruner top_k needs k >= 1, got {self.k}")

    def survivors(self, confidence: NDArray[np.float64]) -> Sequence[int]:
        """See :class:`Pruner`."""
        return [int(i) for i in np.argsort(-confidence, kind="stable")[: self.k]]


@dataclass(frozen=True)
class Threshold:
    """Keeps beams with confidence of at least ``minimum``, and the most confident one whatever it has."""

    minimum: float = 0.3

    def survivors(self, confidence: NDArray[np.float64]) -> Sequence[int]:
        """See :class:`Pruner`."""
        ranked = [int(i) for i in np.argsort(-confidence, kind="stable")]
        return [i for i in ranked if confidence[i] >= self.minimum] or ranked[:1]


@dataclass(frozen=True)
class PrunedBeams:
    """Confidence-guided pruning of partial beams, then a confidence-weighted vote over the finished ones.

    Attributes:
        name: what tables call it.
        width: beams kept in play, >= 1.
        pruner: which unfinished beams live on at each boundary.
        until: where beams pause to be judged.
        weighting: how much a finished beam's vote counts.
        rounds: boundaries at which beams are judged, >= 1; what is unfinished at the last one is given up.
    """

    name: str = "pruned_beams"
    width: int = 4
    pruner: Pruner = field(default_factory=TopK)
    until: Boundary = STEP
    weighting: Weighting = field(default_factory=Linear)
    rounds: int = 64
    branches: ClassVar[bool] = True
    needs_confidence: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a beam without width."""
        if self.width < 1 or self.rounds < 1:
            raise InputError(f"strategy {self.name} needs width and rounds >= 1, got {self.width} and {self.rounds}")

    @property
    def budget(self) -> int:
        """The number of beams; nothing is drawn ahead of a pruning decision."""
        return self.width

    def run(self, problem: Problem) -> Steps:
        """Play one question; see :class:`~strategies.base.Strategy`."""
        everything: list[Sample] = []
        tally = Tally(self.weighting, needs_confidence=True)
        reason = "rounds"
        draws = [Draw(self.width, until=self.until)]
        for _ in range(self.rounds):
            beams: list[Sample] = []
            for draw in draws:
                beams += yield draw
            everything += beams
            for beam in beams:
                if beam.end is not End.BOUNDARY:
                    tally.add(beam)
            unfinished = [beam for beam in beams if beam.end is End.BOUNDARY]
            if not unfinished:
                reason = "finished"
                break
            draws = self._forks(unfinished, self.width - tally.n)
        return Decision(
            answer=tally.answer(tally.leader),
            confidence=self._confidence(tally),
            samples=tuple(everything),
            reason=reason,
            usage=total_usage(everything),
        )

    def _forks(self, unfinished: Sequence[Sample], free: int) -> list[Draw]:
        """One draw a survivor, ``free`` beams together; what does not divide evenly goes to the best."""
        kept = [unfinished[i] for i in self.pruner.survivors(confidences(unfinished))][:free]
        if not kept:
            raise InputError(
                f"pruner {type(self.pruner).__name__} kept none of {len(unfinished)} beams: keep at least one"
            )
        share, rest = divmod(free, len(kept))
        return [Draw(share + (rank < rest), prefix=beam, until=self.until) for rank, beam in enumerate(kept)]

    def _confidence(self, tally: Tally) -> float | None:
        """The leader's posterior for log-odds votes, else its share of all weight."""
        if tally.leader < 0:
            return None
        if self.weighting.signed:
            return float(tally.posterior)
        return float(tally.lead / tally.total) if tally.total > 0 else None


def confidences(beams: Sequence[Sample]) -> NDArray[Any]:
    """The confidences of partial samples, shape [len(beams)].

    Raises:
        UnsupportedError: a beam was not scored.
    """
    if any(beam.confidence is None for beam in beams):
        raise UnsupportedError("pruning beams needs a scorer that judges partial samples, and a beam came unscored")
    return np.array([beam.confidence for beam in beams])
