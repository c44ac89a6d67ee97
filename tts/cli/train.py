"""``tts train``: make a model this project brings along."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tts.cli.app import app
from tts.errors import InputError

train_app = typer.Typer(help="Train a model that this project brings along.", no_args_is_help=True)
app.add_typer(train_app, name="train")


@train_app.command()
def tiny(
    out: Annotated[Path, typer.Option(help="Directory for checkpoint and model; a checkpoint there is continued.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of the weights and of the data.")] = 1,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps [default: the recipe's].")] = None,
    width: Annotated[int | None, typer.Option(help="Of the model, a multiple of 64 [default: the recipe's].")] = None,
) -> None:
    """Train the bundled reasoner from scratch on generated stories, then grade it on the test split.

    About an hour on two CPU cores, minutes on a GPU. Interrupted, the same command continues from the last checkpoint.
    """
    from tts.engines.device import pick
    from tts.tiny.grade import grade
    from tts.tiny.train import Recipe, record, train

    given = {"steps": steps, "width": width}
    recipe = replace(Recipe(seed=seed), **{key: value for key, value in given.items() if value is not None})
    if recipe.steps < 1 or seed < 0:
        raise InputError(f"steps must be at least 1 and seed at least 0, got {recipe.steps} and {seed}")
    if recipe.width < 64 or recipe.width % 64:
        raise InputError(f"width must be a positive multiple of 64, got {recipe.width}")
    place = pick(device)
    train(out, recipe, device=place, tell=lambda line: print(line, flush=True))
    numbers = grade(out, device=place)
    record(out, numbers)
    for key, value in numbers.items():
        print(f"{key.replace('_', ' '):20} {value:.4g}")
    print(f"wrote {out}: use it with `engine.model={out}`")
