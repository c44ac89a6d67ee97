"""The recipe of the bundled reasoner: the settings of ``tts train tiny``.

Imports no torch. All values are this framework's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tts.errors import InputError


@dataclass
class Phase:
    """A part of the training on stories of one kind; see :func:`tts.stories.stories.stories`.

    Attributes:
        steps: optimiser steps, >= 1.
        longest: the most steps of a story's solution.
        wide: whether the numbers run to 300 instead of 100.
    """

    steps: int
    longest: int
    wide: bool


@dataclass
class TinyRecipe:
    """Everything the weights depend on.

    Attributes:
        seed: of the weights and of the data, >= 0.
        phases: the parts of the training: short stories first, the task itself last.
        batch_tokens: tokens in a step, padding included.
        width: of the residual stream, a positive multiple of 64; heads are 64 wide.
        layers: of the model.
        learning_rate: peak of AdamW, which trains embeddings and norms.
        muon_learning_rate: peak of Muon, which trains the matrices of the layers.
        warmup: steps until the peak; after it the rate falls linearly, to be zero after ``horizon`` steps.
        horizon: see ``warmup``; beyond the last step.
        cooldown: the length of the ramp at whose end, the last step, the rate is zero.
        question_weight: weight of a question's tokens in the loss; a solution's tokens have weight 1.
    """

    seed: int = 1
    phases: list[Phase] = field(
        default_factory=lambda: [
            Phase(480, 3, True),
            Phase(480, 5, True),
            Phase(1232, 8, True),
            Phase(1300, 8, False),
        ]
    )
    batch_tokens: int = 4096
    width: int = 256
    layers: int = 4
    learning_rate: float = 3e-3
    muon_learning_rate: float = 6e-3
    warmup: int = 50
    horizon: int = 4000
    cooldown: int = 1600
    question_weight: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that no training can follow."""
        if self.seed < 0:
            raise InputError(f"recipe.seed must be at least 0, got {self.seed}")
        if self.width < 64 or self.width % 64:
            raise InputError(f"recipe.width must be a positive multiple of 64, got {self.width}")

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return sum(phase.steps for phase in self.phases)

    def shortened(self, share: float) -> TinyRecipe:
        """Return the same recipe with this share of every phase and of the schedule, in (0, 1]."""
        return replace(
            self,
            phases=[replace(phase, steps=max(1, round(phase.steps * share))) for phase in self.phases],
            warmup=max(1, round(self.warmup * share)),
            horizon=max(1, round(self.horizon * share)),
            cooldown=max(1, round(self.cooldown * share)),
        )
