"""Rules with a guarantee: P(ever stopping on an answer that is not the model's mode) <= level, at any time.

The guarantee is about the mode of the model's answers, not about correctness. Each rule fires when an e-process crosses
one over its level (Ville's inequality); a stop by budget is uncertified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.counts import LOG_INTEGER, log_e_one_sided, log_e_two_sided
from strategies.evidence import Evidence
from strategies.stopping.base import Answer, counts_only, unit_interval
from strategies.weighting import Weighting
from tts.errors import InputError


class _Counting:
    """Mixin for rules that count plain votes."""

    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1
    name: ClassVar[str]

    def check(self, weighting: Weighting) -> None:
        """Refuse any weighting but the uniform one: the certificate is about votes."""
        counts_only(self.name, weighting)


@dataclass(frozen=True)
class PPR(_Counting):
    """Prior-posterior ratio, one against one (PPR-1v1, Jain et al. 2022, 2109.05047).

    The rule fires once ``2^n B(v1 + 1, v2 + 1) >= (categories - 1) / delta``. The guarantee holds if the question has
    at most ``categories`` possible answers, a number that must be known beforehand.
    """

    delta: float = 0.05
    categories: int = 10
    name: ClassVar[str] = "ppr"

    def __post_init__(self) -> None:
        """Refuse options outside their ranges."""
        unit_interval("ppr", delta=self.delta)
        if self.categories < 2:
            raise InputError(f"stopping rule ppr needs categories >= 2, got {self.categories}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether 1/2 is excluded for the leader against its runner-up."""
        bar = math.log((self.categories - 1) / self.delta)
        return (evidence.leader_score > evidence.runner_up_score) & (
            log_e_two_sided(evidence.leader_score, evidence.runner_up_score) >= bar
        )


@dataclass(frozen=True)
class MajorityMartingale(_Counting):
    """Martingale Majority Certificate (2510.17472, algorithm 1), prior Beta(1/2, 1/2) truncated to (1/2, 1).

    Before each draw the rule bets on the current leader, once against the runner-up and once against all others
    together. It fires when both e-values reach ``1 / epsilon``, so it never certifies a leader with less than half of
    the mass.
    """

    epsilon: float = 0.05
    name: ClassVar[str] = "majority_martingale"

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("majority_martingale", epsilon=self.epsilon)

    def fires(self, evidence: Evidence) -> Any:
        """Return whether both e-values are large enough."""
        run, rest = evidence.majority_log_e_values
        bar = -math.log(self.epsilon)
        return (run >= bar) & (rest >= bar)


@dataclass(frozen=True)
class Certified(_Counting):
    """Certified self-consistency: the data-driven intersection-union rule (after CITE, 2605.05873).

    The r-th distinct answer gets the level ``epsilon * 6 / (pi r)^2`` and separate counters when it is first seen. The
    leader is certified once the one-sided e-value against its strongest rival since then reaches one over that level.
    The number of possible answers need not be known.
    """

    epsilon: float = 0.05
    name: ClassVar[str] = "certified"

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("certified", epsilon=self.epsilon)

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader beats every rival, seen or unseen."""
        return log_e_one_sided(evidence.leader_repeats, evidence.rival_votes) >= bar_by_rank(
            self.epsilon, evidence.leader_rank
        )


@dataclass(frozen=True)
class CertifiedWeighted:
    """Certified self-consistency on confidence-weighted votes: a betting e-process per rival (after CITE, 2605.05873).

    The rule certifies the mode of ``E[c 1(answer)]``, which a confidence-weighted vote estimates. The levels are those
    of :class:`Certified`; the wealth ``prod(1 + lambda c (1[a] - 1[j]))`` is mixed over fixed betting fractions lambda.
    """

    epsilon: float = 0.05
    name: ClassVar[str] = "certified_weighted"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = True
    needs_mass: ClassVar[bool] = False
    stride: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        """Refuse a level outside (0, 1)."""
        unit_interval("certified_weighted", epsilon=self.epsilon)

    def check(self, weighting: Weighting) -> None:
        """Refuse weights outside [0, 1], on which the bets could go bankrupt."""
        if not weighting.unit:
            raise InputError(f"stopping rule certified_weighted needs weights in [0, 1], got {weighting}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the least wealth of the leader is large enough for its rank."""
        return evidence.log_wealth >= bar_by_rank(self.epsilon, evidence.leader_rank)


def bar_by_rank(epsilon: float, rank: Any) -> Any:
    """Return the log of one over the level of the answer discovered as number ``rank``, from 0; levels sum to epsilon.

    Before any answer the rank is -1.
    """
    return 2.0 * LOG_INTEGER[rank + 1] + math.log(math.pi**2 / (6.0 * epsilon))
