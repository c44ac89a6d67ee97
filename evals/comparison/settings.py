"""The settings of a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.comparison.speed import Speed
from evals.config import PriceConfig
from tts.errors import InputError

SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Numbers of draws at which accuracy is shown."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The budget, the replay and the bootstrap of a comparison.

    Attributes:
        budget: the most draws a question.
        permutations: random orders a question, common to all strategies.
        seed: decides orders, halves and bootstrap.
        calibrate: map from recorded scores to probabilities, cross-fitted; None uses them as they are.
        margin: the loss of accuracy that still counts as not inferior, as a fraction.
        replicates: bootstrap replicates.
        price: prices of tokens; all 0 without prices.
        speed: of the engine that drew the pool; None where the pool records no times.
        decisions: whether to keep the decision of each strategy on each question.
        decided: the places of the questions whose decisions are kept; None keeps those of all.
    """

    budget: int
    permutations: int = 200
    seed: int = 0
    calibrate: str | None = None
    margin: float = 0.005
    replicates: int = 10_000
    price: PriceConfig = field(default_factory=PriceConfig)
    speed: Speed | None = None
    decisions: bool = False
    decided: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for key in ("budget", "permutations", "replicates"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} must be at least 1, got {getattr(self, key)}")
        if not 0.0 <= self.margin < 1.0:
            raise InputError(f"margin must be in [0, 1) as a fraction (0.005 is half a point), got {self.margin}")

    @property
    def sizes(self) -> list[int]:
        """The numbers of draws at which accuracy is shown: those below the budget, and the budget."""
        return [size for size in SIZES if size < self.budget] + [self.budget]
