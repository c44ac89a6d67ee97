"""Rules that stop on the votes: how far the leading answer is ahead, or how long the samples have agreed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.counts import leader_probability
from strategies.evidence import Evidence
from strategies.stopping.base import Answer, AnyWeighting, counts_only, unit_interval
from strategies.weighting import Weighting
from tts.errors import InputError


@dataclass(frozen=True)
class Beta:
    """Stop once P(leader beats runner-up) >= ``level`` under a flat Beta prior (Adaptive-Consistency, 2305.11860).

    The probability is ``1 - I_1/2(v1 + 1, v2 + 1)`` on votes, or on weighted votes (ReASC). It is Bayesian: a rule that
    checks after every draw has no frequentist guarantee.
    """

    level: float = 0.95
    name: ClassVar[str] = "beta"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("beta", level=self.level)

    def check(self, weighting: Weighting) -> None:
        """Refuse log-odds scores, which are not counts."""
        if weighting.signed:
            raise InputError(f"stopping rule beta needs non-negative weights, got {weighting}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader is probably ahead."""
        return (evidence.leader_score > 0) & (
            leader_probability(evidence.leader_score, evidence.runner_up_score) >= self.level
        )

    def can_fire(self, evidence: Evidence, draws: int) -> Any:
        """Return whether the rule could fire within further draws, which it does at the best if all are for the leader.

        Args:
            evidence: the draws so far.
            draws: the further draws, >= 0, each with a vote of weight 1 at most.
        """
        most = evidence.leader_score + draws
        return (most > 0) & (leader_probability(most, evidence.runner_up_score) >= self.level)


@dataclass(frozen=True)
class Dirichlet:
    """Stop once P(leader is the most probable answer) >= ``level`` under a flat Dirichlet prior (2305.11860)."""

    level: float = 0.95
    name: ClassVar[str] = "dirichlet"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("dirichlet", level=self.level)

    def check(self, weighting: Weighting) -> None:
        """Refuse any weighting but the uniform one."""
        counts_only("dirichlet", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader is probably the mode."""
        return evidence.mode_probability >= self.level


@dataclass(frozen=True)
class Unanimous(AnyWeighting):
    """Stop after ``window`` draws that all agree, and return their answer (ESC, 2401.10480).

    Windows do not overlap; an unparsed draw breaks its window.
    """

    window: int = 5
    name: ClassVar[str] = "unanimous"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if self.window < 1:
            raise InputError(f"stopping rule unanimous needs window >= 1, got {self.window}")

    @property
    def stride(self) -> int | None:  # type: ignore[override]
        """Draws in a window."""
        return self.window

    def fires(self, evidence: Evidence) -> Any:
        """Return whether a unanimous window ends here."""
        return (evidence.n % self.window == 0) & (evidence.streak >= self.window)


@dataclass(frozen=True)
class Share:
    """Stop once the leader's share of all weight is >= ``tau``, from ``min_draws`` draws on (CaTS-ASC, 2503.00031)."""

    tau: float = 0.8
    min_draws: int = 2
    name: ClassVar[str] = "share"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a share outside (0, 1]."""
        if not 0.0 < self.tau <= 1.0:
            raise InputError(f"stopping rule share needs tau in (0, 1], got {self.tau}")
        if self.min_draws < 1:
            raise InputError(f"stopping rule share needs min_draws >= 1, got {self.min_draws}")

    def check(self, weighting: Weighting) -> None:
        """Refuse log-odds scores, which have no shares."""
        if weighting.signed:
            raise InputError(f"stopping rule share needs non-negative weights, got {weighting}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader's share is large enough."""
        return (
            (evidence.n >= self.min_draws)
            & (evidence.total_weight > 0)
            & (evidence.leader_score >= self.tau * evidence.total_weight)
        )
