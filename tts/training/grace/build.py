"""From a base model to a finished GrACE directory: load, train, save."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.models.grace import NAME, GraceCard, read_card
from tts.training.grace.recipe import Recipe
from tts.training.responses import Split


def make(
    out: Path,
    split: Split,
    recipe: Recipe,
    *,
    engine: EngineConfig,
    base: Mapping[str, Any],
    tell: Callable[[str], None] = print,
) -> Any:
    """Train the engine's model on responses, and write it.

    Args:
        out: the directory; a checkpoint in it is continued.
        split: the responses.
        recipe: how to train.
        engine: names the base model and the device.
        base: what the responses are, as JSON values.
        tell: gets a line of progress now and then.

    Returns:
        The :class:`~tts.training.grace.train.Trained` model.

    Raises:
        InputError: as :func:`tts.training.grace.train.train` and :func:`tts.training.base_model.start`.
    """
    from tts.engines.hf.device import pick
    from tts.models.loading import quiet
    from tts.training.base_model import start
    from tts.training.grace.model import save
    from tts.training.grace.train import train

    begun = start(engine, recipe)
    base = {**base, **begun.upon}
    token = None
    if engine.folder is not None and (engine.folder / NAME).is_file():
        token = _further(read_card(engine.folder), recipe, engine.model)
    place = pick(engine.device)
    trained = train(out, begun.model, begun.tokenizer, split, recipe, base=base, token=token, device=place, tell=tell)
    card = GraceCard(
        recipe.token,
        trained.token,
        recipe.readout,  # type: ignore[arg-type] # the recipe allows no other
        recipe.positions,  # type: ignore[arg-type]
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


def _further(card: GraceCard, recipe: Recipe, model: str) -> int:
    """The token of a GrACE model that is trained further.

    Raises:
        InputError: it reads its confidence elsewhere than the recipe does.
    """
    for key in ("token", "readout", "positions"):
        has, wants = getattr(card, key), getattr(recipe, key)
        if has != wants:
            raise InputError(
                f"{model} is a GrACE model with {key} {has!r} and recipe.{key} is {wants!r}: train it further with "
                f"recipe.{key}={has}, or start from a model without a confidence token"
            )
    return card.token_id
