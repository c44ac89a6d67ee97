"""FineCE as a training method: value tokens, the tokenizer's numbers or a head, in a model that scores prefixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.models.finece import HEAD, FineceCard, Form, write_card
from tts.models.value_head import ValueHeadModel
from tts.progress.phases import Phases
from tts.training.adapters import adapted, add_tokens, refuse_tokens
from tts.training.finece.objective import FineceObjective
from tts.training.finece.recipe import FineceRecipe
from tts.training.last_states import LastStates, frozen_layers
from tts.training.responses import Split
from tts.training.saving import save_model

FORMS: Mapping[str, Form] = {"grow": "grown", "lora": "adapter", "full": "model"}


@dataclass(frozen=True, slots=True)
class FineceMethod:
    """FineCE (arXiv 2508.12040); a :class:`~tts.training.method.TrainingMethod`.

    Attributes:
        recipe: the recipe.
    """

    recipe: FineceRecipe

    def for_base(self, engine: EngineConfig) -> FineceMethod:
        """Return the method itself: it starts every base model anew."""
        return self

    def check(self, split: Split) -> None:
        """Accept any responses."""

    def check_tokenizer(self, tokenizer: Any) -> None:
        """Check that the tokenizer can hold the value tokens, or writes each number as one token.

        Raises:
            InputError: it cannot.
        """
        if self.recipe.read == "numbers":
            number_tokens(tokenizer, self.recipe.tokens)
        else:
            refuse_tokens(tokenizer, self.recipe.tokens)

    def add_tokens(self, model: Any, tokenizer: Any) -> list[int]:
        """Add the value tokens with rows of zeros, or find the tokenizer's numbers; a head has no tokens.

        Raises:
            InputError: the tokenizer has a value token already, or writes a number as several tokens.
        """
        if self.recipe.read == "head":
            return []
        if self.recipe.read == "numbers":
            return number_tokens(tokenizer, self.recipe.tokens)
        tokens = add_tokens(model, tokenizer, self.recipe.tokens)
        with torch.no_grad():
            for part in (model.get_input_embeddings(), model.get_output_embeddings()):
                part.weight[tokens] = 0.0
        return tokens

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
    ) -> tuple[Any, FineceObjective]:
        """Add the trained parts; the checkpoint has nothing that the responses do not determine."""
        kept = LastStates(frozen_layers(model.config, self.recipe))
        learner = adapted(model, self.recipe, tokens if self.recipe.read == "values" else [])
        if self.recipe.read == "head":
            learner = ValueHeadModel(learner).to(device)
        return learner, FineceObjective(split, self.recipe, tokens=tokens, end=end, device=device, states=kept)

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
        """Write a plain model or adapters, a head beside it, and the card; a model never draws its value tokens."""
        if isinstance(model, ValueHeadModel):
            head = {name: weight.detach().contiguous() for name, weight in model.head.state_dict().items()}
            save_file(head, out / HEAD)
            model = model.model
        if self.recipe.method == "lora":
            model.save_pretrained(out, save_embedding_layers=False)  # the tokens' rows are in the adapter
            tokenizer.save_pretrained(out)
        else:
            suppress = tokens if self.recipe.read == "values" else ()
            save_model(out, model, tokenizer, dtype=dtype, suppress=suppress)
        read: Any = self.recipe.read  # the recipe allows no other
        write_card(out, FineceCard(FORMS[self.recipe.method], read, tokens, base, extra))


def number_tokens(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """Return the tokenizer's tokens for numbers.

    Raises:
        InputError: the tokenizer writes one of them as several tokens.
    """
    found = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise InputError(
                f"recipe.read=numbers needs one token for each of 0 to 10, and this tokenizer writes {text} as "
                f"{len(ids)}: give recipe.read=values"
            )
        found.append(int(ids[0]))
    return found
