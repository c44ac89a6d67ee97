"""GrACE as a training method: one confidence token, its first row, and a model that draws and states its confidence."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.models.grace import NAME, GraceCard, read_card, write_card
from tts.progress.phases import Phases
from tts.training.adapters import adapted, add_tokens, refuse_tokens
from tts.training.grace.objective import GraceObjective
from tts.training.grace.recipe import GraceRecipe
from tts.training.last_states import LastStates, frozen_layers
from tts.training.responses import Split
from tts.training.saving import save_model


@dataclass(frozen=True, slots=True)
class GraceMethod:
    """GrACE (arXiv 2509.09438); a :class:`~tts.training.method.TrainingMethod`.

    Attributes:
        recipe: the recipe.
        token: id of the confidence token that the model already has, where a GrACE model is trained further.
    """

    recipe: GraceRecipe
    token: int | None = None

    def for_base(self, engine: EngineConfig) -> GraceMethod:
        """Return the method with the confidence token of the base model, where that is a GrACE model already.

        Raises:
            InputError: the base model reads its confidence elsewhere than the recipe.
        """
        if engine.folder is None or not (engine.folder / NAME).is_file():
            return self
        card = read_card(engine.folder)
        for key in ("token", "readout", "positions"):
            has, wants = getattr(card, key), getattr(self.recipe, key)
            if has != wants:
                raise InputError(
                    f"{engine.model} is a GrACE model with {key} {has!r} and recipe.{key} is {wants!r}: train it "
                    f"further with recipe.{key}={has}, or start from a model without a confidence token"
                )
        return replace(self, token=card.token_id)

    def check(self, split: Split) -> None:
        """Check that every question has a worked solution, where the recipe's anchor is the solution.

        Raises:
            InputError: some have none.
        """
        if self.recipe.anchor == "solution":
            missing = sorted({one.question for one in split.train} - set(split.solutions))
            if missing:
                raise InputError(
                    f"recipe.anchor=solution needs a worked solution of every problem and {len(missing)} have none: "
                    "give a task that has them, or recipe.anchor=base"
                )

    def check_tokenizer(self, tokenizer: Any) -> None:
        """Check that the tokenizer lacks the confidence token, unless the base is a GrACE model.

        Raises:
            InputError: it has it.
        """
        if self.token is None:
            refuse_tokens(tokenizer, [self.recipe.token])

    def add_tokens(self, model: Any, tokenizer: Any) -> list[int]:
        """Add the confidence token, unless the model has it already.

        Raises:
            InputError: the tokenizer of a model without a confidence token has the token.
        """
        return add_tokens(model, tokenizer, [self.recipe.token]) if self.token is None else [self.token]

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
    ) -> tuple[Any, GraceObjective]:
        """Fit the token's first row and the targets, or take the targets of the checkpoint."""
        frozen = frozen_layers(model.config, self.recipe)
        objective = GraceObjective(split, self.recipe, token=tokens[0], end=end, device=device)
        if saved is not None:
            objective.targets = saved["targets"]
        else:
            objective.prepare(model, phases, start_row=self.token is None)
        if self.recipe.anchor == "base" and self.recipe.method == "full":
            objective.base = copy.deepcopy(model)  # adapters can be switched off; a whole model needs a copy
        objective.states = LastStates(frozen)  # of the trained model: a grown one is wider than the base
        return adapted(model, self.recipe, tokens), objective

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
        """Write a plain model that never draws the token, and its card; adapters are merged and kept in ``adapter``."""
        if hasattr(model, "merge_and_unload"):
            model.save_pretrained(out / "adapter", save_embedding_layers=False)  # the token's rows are in the adapter
            model = model.merge_and_unload()
        save_model(out, model, tokenizer, dtype=dtype, suppress=tokens)
        card = GraceCard(
            self.recipe.token,
            tokens[0],
            self.recipe.readout,  # type: ignore[arg-type] # the recipe allows no other
            self.recipe.positions,  # type: ignore[arg-type]
            base,
            extra,
        )
        write_card(out, card)
