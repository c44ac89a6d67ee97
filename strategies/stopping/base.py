"""The protocol of stopping rules, the checks that they share, and the rule that never stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from strategies.evidence import Evidence
from strategies.weighting import Uniform, Weighting
from tts.errors import InputError

Answer = Literal["leader", "current"]


class StoppingRule(Protocol):
    """A rule that fires once the evidence is enough.

    Attributes:
        name: the rule's name in configurations, tables and decisions.
        answer: the answer that a stop returns: the leading one, or that of the latest draw.
        needs_confidence: True if samples must carry a confidence.
        needs_mass: True if samples must carry the log-probability of their text.
        stride: draws between two checks.
    """

    name: ClassVar[str]
    answer: ClassVar[Answer]
    needs_confidence: ClassVar[bool]
    needs_mass: ClassVar[bool]

    @property
    def stride(self) -> int | None:
        """Draws between two checks; None if the rule never fires."""
        ...

    def fires(self, evidence: Evidence) -> Any:
        """Return whether to stop: a bool for one question, a boolean array [draws, rows] for a replay."""
        ...

    def check(self, weighting: Weighting) -> None:
        """Raise InputError if the rule is meaningless under this weighting."""
        ...


def unit_interval(rule: str, **values: float) -> None:
    """Refuse values outside (0, 1)."""
    for key, value in values.items():
        if not 0.0 < value < 1.0:
            raise InputError(f"stopping rule {rule} needs {key} in (0, 1), got {value}")


def counts_only(rule: str, weighting: Weighting) -> None:
    """Refuse any weighting but the uniform one."""
    if not isinstance(weighting, Uniform):
        raise InputError(f"stopping rule {rule} counts votes and needs weighting uniform, got {weighting}")


def log_odds_only(rule: str, weighting: Weighting) -> None:
    """Refuse scores that are not log-odds."""
    if not weighting.signed:
        raise InputError(f"stopping rule {rule} needs weighting log_odds, got {weighting}")


class AnyWeighting:
    """Mixin for rules that work under every weighting, are checked after every draw and read no masses."""

    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def check(self, weighting: Weighting) -> None:
        """Accept every weighting."""


@dataclass(frozen=True)
class Never(AnyWeighting):
    """Draw the whole budget: fixed-size self-consistency and best-of-N."""

    name: ClassVar[str] = "never"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    stride: ClassVar[int | None] = None

    def fires(self, evidence: Evidence) -> Any:
        """Return False everywhere."""
        return (evidence.n < 0) & evidence.parsed
