"""Rules that stop on the confidence of single samples, whatever the votes are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.evidence import Evidence
from strategies.stopping.base import Answer, AnyWeighting
from tts.errors import InputError


@dataclass(frozen=True)
class Confident(AnyWeighting):
    """Stop at any one sample with confidence > ``tau`` and return its answer (GrACE-ES, 2509.09438)."""

    tau: float = 0.7
    name: ClassVar[str] = "confident"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a tau outside [0, 1]."""
        if not 0.0 <= self.tau <= 1.0:
            raise InputError(f"stopping rule confident needs tau in [0, 1], got {self.tau}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the latest draw is parsed and confident."""
        return evidence.parsed & (evidence.confidence > self.tau)


@dataclass(frozen=True)
class Gate(AnyWeighting):
    """Accept the first sample alone if its confidence is at least ``threshold`` (ReASC stage 1, 2601.02970)."""

    threshold: float = 0.9
    name: ClassVar[str] = "gate"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = True

    def fires(self, evidence: Evidence) -> Any:
        """Return whether this is the first draw and it is parsed and confident."""
        return (evidence.n == 1) & evidence.parsed & (evidence.confidence >= self.threshold)


@dataclass(frozen=True)
class Reservation(AnyWeighting):
    """Stop once the best confidence so far is at least ``value``: Weitzman's rule (Pandora best-of-N, 2510.01394)."""

    value: float = 0.9
    name: ClassVar[str] = "reservation"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the best confidence so far reaches the reservation value."""
        return evidence.best_confidence >= self.value
