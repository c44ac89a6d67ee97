"""The rule that stops once what is unseen cannot change the leading answer: certain, without an error level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from strategies.evidence import Evidence
from strategies.stopping.base import Answer, AnyWeighting
from tts.errors import InputError


@dataclass(frozen=True)
class MassCertificate(AnyWeighting):
    """Stop once the leader's mass minus that of any other answer is more than ``share`` of the unseen mass.

    Masses are those of :mod:`strategies.mass`. With ``share`` 1 the leader is the model's most probable answer: all of
    the unseen mass on one other answer would not reach it. A smaller share stops earlier and is certain of nothing.

    Source:
        This framework; the bound is elementary. The masses are those of perplexity consistency (2502.00511).
    """

    share: float = 1.0
    name: ClassVar[str] = "mass_certificate"
    answer: ClassVar[Answer] = "leader"
    needs_confidence: ClassVar[bool] = False
    needs_mass: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Refuse a share outside (0, 1]."""
        if not 0.0 < self.share <= 1.0:
            raise InputError(f"stopping rule mass_certificate needs share in (0, 1], got {self.share}")

    def fires(self, evidence: Evidence) -> Any:
        """Return whether the leader is ahead by more than the share of what is unseen."""
        return evidence.leader_mass - evidence.runner_up_mass > self.share * evidence.unseen_mass

    def can_fire(self, evidence: Evidence, gain: Any) -> Any:
        """Return whether the rule could fire once draws have seen at most ``gain`` more mass.

        Let the new texts have the mass g <= ``gain`` together. The unseen mass U becomes U - g. No answer gets more
        than g, and none loses any, so that the distance D between the leader and the runner-up, or between another
        answer and the present leader, becomes at most D + g. The rule then needs D + g > share * (U - g), that is
        (1 + share) * g > share * U - D; what is not true of the largest g is true of none. The bound is reached where
        all new texts have the leader's answer. Answers that turn out to be equal later on are not foreseen.

        Args:
            evidence: the draws so far.
            gain: the mass that further draws can see at most, >= 0.
        """
        distance = abs(evidence.leader_mass - evidence.runner_up_mass)
        return (1.0 + self.share) * gain > self.share * evidence.unseen_mass - distance
