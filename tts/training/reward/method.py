"""An outcome reward model as a training method: a head on the base model, written as a sequence classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts.engines.config import EngineConfig
from tts.models.card_file import CardFile
from tts.models.states import StateReader
from tts.progress.phases import Phases
from tts.training.adapters import adapted, is_tied
from tts.training.last_states import LastStates, frozen_layers
from tts.training.responses import Split
from tts.training.reward.model import RewardModel, classifier, empty_classifier
from tts.training.reward.objective import RewardObjective
from tts.training.reward.recipe import RewardRecipe

CARD = CardFile("reward.json", "tts-reward-1", "reward", ("base",))


@dataclass(frozen=True, slots=True)
class RewardCard:
    """The model that a reward model was made from.

    Attributes:
        base: its name.
    """

    base: str


@dataclass(frozen=True, slots=True)
class RewardMethod:
    """An outcome reward model (arXiv 2110.14168); a :class:`~tts.training.method.TrainingMethod`.

    Attributes:
        recipe: the recipe.
    """

    recipe: RewardRecipe

    def for_base(self, engine: EngineConfig) -> RewardMethod:
        """Return the method itself: it starts every base model anew."""
        return self

    def check(self, split: Split) -> None:
        """Accept any responses."""

    def check_tokenizer(self, tokenizer: Any) -> None:
        """Accept any tokenizer: no token is added."""

    def add_tokens(self, model: Any, tokenizer: Any) -> list[int]:
        """Add none."""
        return []

    def start(
        self,
        model: Any,
        split: Split,
        saved: Mapping[str, Any] | None,
        *,
        tokens: list[int],
        end: int,
        device: str,
        phases: Phases,
    ) -> tuple[RewardModel, RewardObjective]:
        """Put a head on the model that starts as a probe of the base's states, and add the trained parts.

        Raises:
            InputError: this type of model has no sequence classifier with a linear head.
        """
        empty_classifier(model.config)
        if not is_tied(model):
            model.get_output_embeddings().weight.requires_grad_(False)  # the words are not used
        kept = LastStates(frozen_layers(model.config, self.recipe))
        learner = RewardModel(adapted(model, self.recipe, []), kept).to(device)
        if saved is None:
            learner.start(lambda: _read(learner, split, phases))
        return learner, RewardObjective(split, self.recipe, device=device)

    def write(
        self,
        out: Path,
        model: Any,
        tokenizer: Any,
        *,
        tokens: tuple[int, ...],
        base: str,
        dtype: torch.dtype,
        extra: Mapping[str, Any],
    ) -> None:
        """Write a sequence classifier of one label, its tokenizer, and the card."""
        made = classifier(model)
        made.config.pad_token_id = tokenizer.pad_token_id
        made.to(dtype).save_pretrained(out)
        tokenizer.save_pretrained(out)
        CARD.write(out, RewardCard(base), extra)


def _read(learner: RewardModel, split: Split, phases: Phases) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the base's states at the ends of the responses to train on, and their grades."""
    reader = StateReader(learner.decoder)
    items = [(one.prompt, one.ids) for one in split.train]
    total = sum(row.length for row in reader.rows(items))
    with phases.phase("preparing", "prepare", total, facts="the head's start, a probe"):
        states = reader.read(items, phases.advance).last
    return states, np.array([one.correct for one in split.train], dtype=np.float64)
