"""Rules that stop on P(the leading answer is right), the posterior under log-odds weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from strategies.evidence import Evidence
from strategies.stopping.base import Answer, log_odds_only, unit_interval
from strategies.weighting import Weighting
from tts.errors import InputError


@dataclass(frozen=True)
class Posterior:
    """Stop once P(leader) >= ``gamma``; scores are log-odds and any unseen answer scores 0 (CGES, 2511.02603)."""

    gamma: float = 0.95
    name: ClassVar[str] = "posterior"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a gamma outside (0, 1)."""
        unit_interval("posterior", gamma=self.gamma)

    def check(self, weighting: Weighting) -> None:
        """Refuse scores that are not log-odds."""
        log_odds_only("posterior", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader is probably right."""
        return evidence.posterior >= self.gamma


@dataclass(frozen=True)
class SamplingCost:
    """Stop once P(leader is wrong) <= ``cost_per_draw`` * n ** ``power`` after n draws.

    Scores are log-odds, as for :class:`Posterior`.

    A bar on P(leader) alone spends most draws where they help least, on questions that stay undecided. If the risk
    P(wrong) falls like a power of n, the next draw saves about P(wrong) / n, so it is worth its cost until P(wrong) is
    at most ``cost_per_draw`` * n (``power`` 1). The risk of questions that are undecided late falls more slowly, and
    ``power`` 1.5 stops these earlier.

    Source:
        This framework; both powers were tried on calibration splits. A bar that is lowered with the draws already paid
        for is usual in sequential tests with a cost per draw (Chernoff 1972, "Sequential Analysis and Optimal Design").
    """

    cost_per_draw: float = 0.005
    power: float = 1.5
    name: ClassVar[str] = "sampling_cost"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a cost outside (0, 1), or a negative power."""
        unit_interval("sampling_cost", cost_per_draw=self.cost_per_draw)
        if not self.power >= 0.0:
            raise InputError(f"stopping rule sampling_cost needs power >= 0, got {self.power}")

    def check(self, weighting: Weighting) -> None:
        """Refuse scores that are not log-odds."""
        log_odds_only("sampling_cost", weighting)

    def fires(self, evidence: Evidence) -> Any:
        """Return whether there is an answer and another draw is not worth its cost."""
        right = evidence.posterior
        return (right > 0.0) & (1.0 - right <= self.cost_per_draw * np.power(evidence.n, self.power))
