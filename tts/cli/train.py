"""``tts train``: train a GrACE model, a FineCE scorer or the bundled reasoner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tts.cli.app import App, app, console, interruptible
from tts.cli.options import ConfigArguments, ForceOption, model_directory, read_config, terminal_hooks
from tts.cli.verbosity import notify

if TYPE_CHECKING:
    from evals.training_config import FineceConfig, GraceConfig

train_app = App(
    help="Train a model to report its confidence, or the bundled one.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(train_app, name="train")


@train_app.command(
    schema="evals.training_config:GraceConfig",
    examples=(
        "tts train grace out=grace questions=500 samples=4",
        "tts train grace configs/train/grace.yaml out=grace epochs=1",
    ),
)
def grace(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Train a model to report its confidence as one token's probability (GrACE), from its graded responses.

    Draws the responses first, where no pool is given. After an interruption the same command continues from the last
    checkpoint. Writes a plain Hugging Face directory: use it with `engine.model=DIR scorer.name=grace`.
    """
    from evals.training_config import GraceConfig

    config, _ = read_config(GraceConfig, configs)
    out = _train(config, "tts train grace", force)
    _print_written(out, f"engine.model={out} scorer.name=grace")


@train_app.command(
    schema="evals.training_config:FineceConfig",
    examples=(
        "tts train finece out=finece questions=200",
        "tts train finece configs/train/finece.yaml out=finece epochs=1",
    ),
)
def finece(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Train a scorer of prefixes (FineCE) from completions of questions and of partial answers.

    Draws the completions first, where no pool is given. After an interruption the same command continues from the last
    checkpoint. Use the directory that it writes with `scorer.name=finece`.
    """
    from evals.training_config import FineceConfig

    config, _ = read_config(FineceConfig, configs)
    out = _train(config, "tts train finece", force)
    if config.recipe.method == "grow":
        _print_written(out, f"engine.model={out} scorer.name=finece")
    else:
        _print_written(out, f"engine.model={config.engine.model} scorer.name=finece scorer.path={out}")


@train_app.command(
    schema="evals.training_config:TinyConfig",
    examples=("tts train tiny out=tiny share=0.01", "tts train tiny configs/train/tiny.yaml out=tiny device=cuda"),
)
def tiny(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Train the bundled reasoner from scratch on generated stories, then grade it on the test split.

    About an hour on two CPU cores, minutes on a GPU. After an interruption the same command continues from the last
    checkpoint. Use the directory that it writes with `engine.model=DIR`.
    """
    from evals.training_config import TinyConfig
    from tts.engines.hf.device import pick
    from tts.training.tiny.grade import grade
    from tts.training.tiny.train import record, train

    config, _ = read_config(TinyConfig, configs)
    device = pick(config.device)
    out = model_directory(str(config.out), command="tts train tiny", force=force)
    train(out, config.recipe.shortened(config.share), device=device, report=notify)
    numbers = grade(out, device=device)
    record(out, numbers)
    for key, value in numbers.items():
        print(f"{key.replace('_', ' '):20} {value:.4g}")
    _print_written(out, f"engine.model={out}")


def _train(config: GraceConfig | FineceConfig, command: str, force: bool) -> Path:
    """Train, print the evaluations, and return the model's directory."""
    from evals.live.train_model import train_model
    from evals.report.training import print_trained, save_history

    out = model_directory(str(config.out), command=command, base=config.engine.model, force=force)
    with interruptible():
        outcome = train_model(config, hooks=terminal_hooks())
    written = save_history(out, outcome.trained.history)
    screen = console()
    print_trained(screen, outcome.trained.history, outcome.split)
    for path in written:
        screen.print(f"wrote {path}", soft_wrap=True)
    return out


def _print_written(out: Path, use: str) -> None:
    console().print(f"wrote {out}: use it with `{use}`", soft_wrap=True)
