"""``tts train``: make a model this project brings along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts.cli.app import app
from tts.errors import InputError

if TYPE_CHECKING:
    from tts.engines.hf.engine import TransformersEngine
    from tts.pool import Pool
    from tts.training.responses import Response

train_app = typer.Typer(help="Train a model that this project brings along.", no_args_is_help=True)
app.add_typer(train_app, name="train")


@train_app.command()
def tiny(
    out: Annotated[Path, typer.Option(help="Directory for checkpoint and model; a checkpoint there is continued.")],
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of the weights and of the data.")] = 1,
    share: Annotated[float, typer.Option(help="Of the recipe's steps, in (0, 1]: less for a quick trial.")] = 1.0,
    width: Annotated[int, typer.Option(help="Of the model, a multiple of 64.")] = 256,
) -> None:
    """Train the bundled reasoner from scratch on generated stories, then grade it on the test split.

    About an hour on two CPU cores, minutes on a GPU. Interrupted, the same command continues from the last checkpoint.
    """
    from tts.engines.hf.device import pick
    from tts.training.tiny.grade import grade
    from tts.training.tiny.train import Recipe, record, train

    if seed < 0 or not 0 < share <= 1:
        raise InputError(f"seed must be at least 0 and share above 0 and at most 1, got {seed} and {share}")
    if width < 64 or width % 64:
        raise InputError(f"width must be a positive multiple of 64, got {width}")
    recipe = Recipe(seed=seed, width=width).shortened(share)
    place = pick(device)
    train(out, recipe, device=place, tell=lambda line: print(line, flush=True))
    numbers = grade(out, device=place)
    record(out, numbers)
    for key, value in numbers.items():
        print(f"{key.replace('_', ' '):20} {value:.4g}")
    print(f"wrote {out}: use it with `engine.model={out}`")


def learned_from(pool: Pool, engine: TransformersEngine, *, model: str, forks: bool = False) -> tuple[Response, ...]:
    """The responses of a pool as a training reads them; see :func:`tts.training.responses.read`."""
    from tts.training.responses import read

    return read(
        pool,
        model=model,
        prompt_ids=engine.prompt_ids,
        encode=engine.encode,
        end=engine.encoder.tokenizer.eos_token_id,
        context=engine.encoder.context,
        forks=forks,
    )
