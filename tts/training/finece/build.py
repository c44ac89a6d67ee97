"""From a base model to a finished FineCE directory: load, train, save."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.engines.config import EngineConfig
from tts.models.finece import HEAD, FineceCard, Form, write_card
from tts.training.finece.recipe import Recipe
from tts.training.responses import Split

if TYPE_CHECKING:
    import torch

    from tts.training.finece.train import Trained

FORMS: Mapping[str, Form] = {"grow": "grown", "lora": "adapter", "full": "model"}


def make(
    out: Path,
    split: Split,
    recipe: Recipe,
    *,
    engine: EngineConfig,
    base: Mapping[str, Any],
    tell: Callable[[str], None] = print,
) -> Trained:
    """Train a scorer of the engine's model on responses, and write it.

    Args:
        out: the directory; a checkpoint in it is continued.
        split: the responses, those that continue a prefix among them.
        recipe: how to train.
        engine: names the base model and the device.
        base: what the responses are, as JSON values.
        tell: gets a line of progress now and then.

    Raises:
        InputError: as :func:`tts.training.finece.train.train` and :func:`tts.training.base_model.start`.
    """
    from tts.engines.hf.device import pick
    from tts.models.loading import quiet
    from tts.training.base_model import start
    from tts.training.finece.train import train

    begun = start(engine, recipe)
    base = {**base, **begun.upon}
    trained = train(out, begun.model, begun.tokenizer, split, recipe, base=base, device=pick(engine.device), tell=tell)
    card = FineceCard(
        FORMS[recipe.method],
        recipe.read,  # type: ignore[arg-type] # the recipe allows no other
        trained.tokens,
        str(base["model"]),
        {
            "recipe": asdict(recipe),
            "learned_from": dict(base),
            "held_out": asdict(trained.history.best),
            "versions": {name: version(name) for name in ("torch", "transformers", "peft")},
        },
    )
    with quiet():
        save(out, trained.model, begun.tokenizer, card, dtype=begun.dtype)
    return trained


def save(out: Path, model: Any, tokenizer: Any, card: FineceCard, *, dtype: torch.dtype) -> None:
    """Write what a scorer needs: a plain Hugging Face directory, or adapters; a head beside it; and the card.

    The generation configuration of a model suppresses value tokens, so that they are never drawn.
    """
    import torch
    from safetensors.torch import save_file

    from tts.models.value_head import ValueHeadModel
    from tts.training.grow import Grown

    if isinstance(model, ValueHeadModel):
        save_file({name: weight.detach().contiguous() for name, weight in model.head.state_dict().items()}, out / HEAD)
        model = model.model
    if isinstance(model, Grown):
        model, dtype = model.merged(), torch.float32  # the base's norms are scaled, which bfloat16 would round
    if card.form == "adapter":
        model.save_pretrained(out, save_embedding_layers=False)  # the tokens' rows are in the adapter
    else:
        if card.read == "values":
            model.generation_config.suppress_tokens = list(card.tokens)
        model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)
    write_card(out, card)
