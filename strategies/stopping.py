"""Stopping rules: when the draws so far are enough. Each is written once, for live questions and replays alike.

A rule reads :class:`~strategies.evidence.Evidence` and answers whether it fires; thresholds are keyword options of a
frozen dataclass. Rules with a guarantee live in :mod:`strategies.certificates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np

from strategies.counts import leader_probability
from strategies.evidence import Evidence
from strategies.weighting import Uniform, Weighting
from tts.errors import InputError

Answer = Literal["leader", "current"]


class StoppingRule(Protocol):
    """Fires once the evidence is enough.

    Attributes:
        name: what configs, tables and decisions call it.
        answer: what a stop returns: the leading answer, or that of the latest draw.
        needs_confidence: whether samples must carry a confidence.
        stride: how many draws belong together; the rule is only asked after each such batch.
    """

    name: ClassVar[str]
    answer: ClassVar[Answer]
    needs_confidence: ClassVar[bool]

    @property
    def stride(self) -> int | None:
        """Draws between two checks; None where the rule never fires."""
        ...

    def fires(self, evidence: Evidence) -> Any:
        """Whether to stop: a bool for one question, a boolean array [draws, rows] in a replay."""
        ...

    def check(self, weighting: Weighting) -> None:
        """Raise InputError where the rule means nothing under this weighting."""
        ...


def unit_interval(rule: str, **values: float) -> None:
    """Refuse values outside (0, 1) with one sentence."""
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
    """Mixin of rules that read no weighted score, or any."""

    stride: ClassVar[int | None] = 1

    def check(self, weighting: Weighting) -> None:
        """Accept every weighting."""


@dataclass(frozen=True)
class Never(AnyWeighting):
    """Draws the whole budget: fixed-size self-consistency and best-of-N."""

    name: ClassVar[str] = "never"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    stride: ClassVar[int | None] = None

    def fires(self, evidence: Evidence) -> Any:
        """Nowhere."""
        return (evidence.n < 0) & evidence.parsed


@dataclass(frozen=True)
class Confident(AnyWeighting):
    """Stops at any one sample with confidence > ``tau`` and returns that sample's answer (GrACE-ES, 2509.09438)."""

    tau: float = 0.7
    name: ClassVar[str] = "confident"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a tau outside [0, 1]."""
        if not 0.0 <= self.tau <= 1.0:
            raise InputError(f"stopping rule confident needs tau in [0, 1], got {self.tau}")

    def fires(self, evidence: Evidence) -> Any:
        """Where the latest draw is parsed and confident."""
        return evidence.parsed & (evidence.confidence > self.tau)


@dataclass(frozen=True)
class Gate(AnyWeighting):
    """Accepts the first sample alone where its confidence is at least ``threshold`` (ReASC stage 1, 2601.02970)."""

    threshold: float = 0.9
    name: ClassVar[str] = "gate"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = True

    def fires(self, evidence: Evidence) -> Any:
        """At the first draw only."""
        return (evidence.n == 1) & evidence.parsed & (evidence.confidence >= self.threshold)


@dataclass(frozen=True)
class Reservation(AnyWeighting):
    """Stops once the best confidence so far is at least ``value``: Weitzman's rule (Pandora best-of-N, 2510.01394)."""

    value: float = 0.9
    name: ClassVar[str] = "reservation"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True

    def fires(self, evidence: Evidence) -> Any:
        """Where the best so far reaches the reservation value."""
        return evidence.best >= self.value


@dataclass(frozen=True)
class Beta:
    """Stops once P(leader beats runner-up) >= ``level`` under a flat Beta prior (Adaptive-Consistency, 2305.11860).

    ``1 - I_1/2(v1 + 1, v2 + 1)`` on votes, or on weighted votes (ReASC). Bayesian: under continuous peeking it is no
    frequentist guarantee.
    """

    level: float = 0.95
    name: ClassVar[str] = "beta"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("beta", level=self.level)

    def check(self, weighting: Weighting) -> None:
        """Refuse log-odds scores, which are no counts."""
        if weighting.signed:
            raise InputError(f"stopping rule beta needs non-negative weights, got {weighting}")

    def fires(self, evidence: Evidence) -> Any:
        """Where the leader is probably ahead."""
        return (evidence.lead > 0) & (leader_probability(evidence.lead, evidence.next) >= self.level)


@dataclass(frozen=True)
class Dirichlet:
    """Stops once P(leader is the most probable answer) >= ``level`` under a flat Dirichlet prior (2305.11860)."""

    level: float = 0.95
    name: ClassVar[str] = "dirichlet"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("dirichlet", level=self.level)

    def check(self, weighting: Weighting) -> None:
        """Refuse any weighting but the uniform one."""
        counts_only("dirichlet", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Where the leader is probably the mode."""
        return evidence.dirichlet >= self.level


@dataclass(frozen=True)
class Unanimous(AnyWeighting):
    """Stops after a window of ``window`` draws that all agree, and returns their answer (ESC, 2401.10480).

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
        """One window."""
        return self.window

    def fires(self, evidence: Evidence) -> Any:
        """At the end of a unanimous window."""
        return (evidence.n % self.window == 0) & (evidence.streak >= self.window)


@dataclass(frozen=True)
class Share:
    """Stops once the leader's share of all weight is >= ``tau``, from ``minimum`` draws on (CaTS-ASC, 2503.00031)."""

    tau: float = 0.8
    minimum: int = 2
    name: ClassVar[str] = "share"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a share outside (0, 1]."""
        if not 0.0 < self.tau <= 1.0:
            raise InputError(f"stopping rule share needs tau in (0, 1], got {self.tau}")
        if self.minimum < 1:
            raise InputError(f"stopping rule share needs minimum >= 1, got {self.minimum}")

    def check(self, weighting: Weighting) -> None:
        """Refuse log-odds scores, which have no shares."""
        if weighting.signed:
            raise InputError(f"stopping rule share needs non-negative weights, got {weighting}")

    def fires(self, evidence: Evidence) -> Any:
        """Where the leader's share is large."""
        return (evidence.n >= self.minimum) & (evidence.total > 0) & (evidence.lead >= self.tau * evidence.total)


@dataclass(frozen=True)
class Posterior:
    """Stops once P(leader) >= ``gamma``, scores read as log-odds and any unseen answer scoring 0 (CGES, 2511.02603)."""

    gamma: float = 0.95
    name: ClassVar[str] = "posterior"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a gamma outside (0, 1)."""
        unit_interval("posterior", gamma=self.gamma)

    def check(self, weighting: Weighting) -> None:
        """Refuse scores that are not log-odds."""
        log_odds_only("posterior", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Where the leader is probably right."""
        return evidence.posterior >= self.gamma


@dataclass(frozen=True)
class SamplingCost:
    """Stop once P(leader is wrong) <= ``cost_per_draw`` * n ** ``power`` after n draws.

    Scores are read as :class:`Posterior` reads them.

    A bar on P(leader) alone spends most draws where they help least, on questions that stay undecided. Where risk falls
    like a power of n, the next draw saves about P(wrong) / n of it, so it is worth its cost until P(wrong) is at most
    ``cost_per_draw`` * n (``power`` 1). Questions still undecided late are those whose risk falls more slowly: 1.5 asks
    less of them.

    Source:
        None: this framework, both powers tried on calibration splits. That a bar sinks with the draws already paid for
        is how sequential tests with a cost a draw go (Chernoff 1972, "Sequential Analysis and Optimal Design").
    """

    cost_per_draw: float = 0.005
    power: float = 1.5
    name: ClassVar[str] = "sampling_cost"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a cost outside (0, 1), or a bar that rises."""
        unit_interval("sampling_cost", cost_per_draw=self.cost_per_draw)
        if not self.power >= 0.0:
            raise InputError(f"stopping rule sampling_cost needs power >= 0, got {self.power}")

    def check(self, weighting: Weighting) -> None:
        """Refuse scores that are not log-odds."""
        log_odds_only("sampling_cost", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Where there is an answer and another draw is not worth its cost."""
        right = evidence.posterior
        return (right > 0.0) & (1.0 - right <= self.cost_per_draw * np.power(evidence.n, self.power))
