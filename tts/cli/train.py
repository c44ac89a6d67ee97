"""``tts train``: train a confidence from graded responses, or the bundled reasoner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tts.cli.app import App, app, console, interruptible
from tts.cli.options import ConfigArguments, ForceOption, model_directory, read_config, terminal_hooks

if TYPE_CHECKING:
    from evals.training.config import FineceConfig, GraceConfig, RewardConfig

train_app = App(
    help="Train a model to report its confidence, or the bundled one.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(train_app, name="train")


@train_app.command(
    schema="evals.training.config:GraceConfig",
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
    from evals.training.config import GraceConfig

    config, _ = read_config(GraceConfig, configs)
    _train(config, "tts train grace", force, "engine.model={out} scorer.name=grace")


@train_app.command(
    schema="evals.training.config:FineceConfig",
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
    from evals.training.config import FineceConfig

    config, _ = read_config(FineceConfig, configs)
    use = "engine.model={out} scorer.name=finece"
    if config.recipe.method != "grow":
        use = f"engine.model={config.engine.model} scorer.name=finece scorer.path={{out}}"
    _train(config, "tts train finece", force, use)


@train_app.command(
    schema="evals.training.config:HeadConfig",
    examples=(
        "tts train head pool=samples.sqlite out=probe",
        "tts train head configs/train/head.yaml out=p_ik recipe.kind=p_ik",
    ),
)
def head(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Fit a linear head on a frozen model's hidden states of its graded responses (probe, p_ik or apricot).

    Draws the responses first, where no pool is given. Reads the states once and fits in seconds. Use the directory
    that it writes with `scorer.name=KIND scorer.path=DIR`.
    """
    from evals.report.training import print_head, worthless_head
    from evals.training.config import HeadConfig
    from evals.training.train_head import train_head

    config, _ = read_config(HeadConfig, configs)
    out = model_directory(str(config.out), command="tts train head", base=config.engine.model, force=force)
    with interruptible():
        outcome = train_head(config, hooks=terminal_hooks())
    print_head(console(), outcome.evaluation, outcome.split)
    if outcome.evaluation.useful:
        _print_written(out, f"engine.model={config.engine.model} scorer.name={outcome.card.kind} scorer.path={out}")
    else:
        console().print(f"wrote {out}\n{worthless_head(outcome.evaluation)}", soft_wrap=True)


@train_app.command(
    schema="evals.training.config:RewardConfig",
    examples=(
        "tts train reward pool=samples.sqlite out=reward",
        "tts train reward configs/train/reward.yaml out=reward epochs=1",
    ),
)
def reward(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Train an outcome reward model, a sequence classifier of question and response, from a model's graded responses.

    Draws the responses first, where no pool is given. After an interruption the same command continues from the last
    checkpoint. Use the directory that it writes with `scorer.name=reward scorer.path=DIR`.
    """
    from evals.training.config import RewardConfig

    config, _ = read_config(RewardConfig, configs)
    use = f"engine.model={config.engine.model} scorer.name=reward scorer.path={{out}}"
    _train(config, "tts train reward", force, use)


@train_app.command(
    schema="evals.training.config:TinyConfig",
    examples=("tts train tiny out=tiny share=0.01", "tts train tiny configs/train/tiny.yaml out=tiny device=cuda"),
)
def tiny(configs: ConfigArguments = None, force: ForceOption = False) -> None:
    """Train the bundled reasoner from scratch on generated stories, then grade it on the test split.

    About an hour on two CPU cores, minutes on a GPU. After an interruption the same command continues from the last
    checkpoint. Use the directory that it writes with `engine.model=DIR`.
    """
    from evals.training.config import TinyConfig
    from evals.training.train_tiny import train_tiny

    config, _ = read_config(TinyConfig, configs)
    out = model_directory(str(config.out), command="tts train tiny", force=force)
    with interruptible():
        numbers = train_tiny(config, hooks=terminal_hooks())
    for key, value in numbers.items():
        print(f"{key.replace('_', ' '):20} {value:.4g}")
    _print_written(out, f"engine.model={out}")


def _train(config: GraceConfig | FineceConfig | RewardConfig, command: str, force: bool, use: str) -> None:
    """Train, print the evaluations, and say how the model is used, or that it should not be.

    Args:
        config: of the training.
        command: a key of ``CARDS``.
        force: start anew in a directory that holds another model.
        use: the keys that use the model, with {out} in the place of its directory.
    """
    from evals.report.training import print_trained, save_history, worthless
    from evals.training.train_model import train_model

    out = model_directory(str(config.out), command=command, base=config.engine.model, force=force)
    with interruptible():
        outcome = train_model(config, hooks=terminal_hooks())
    history = outcome.trained.history
    written = save_history(out, history, config.recipe)
    screen = console()
    print_trained(screen, history, outcome.split)
    for path in written:
        screen.print(f"wrote {path}", soft_wrap=True)
    if history.best.useful:
        _print_written(out, use.replace("{out}", str(out)))
    else:
        screen.print(f"wrote {out}\n{worthless(history.best)}", soft_wrap=True)


def _print_written(out: Path, use: str) -> None:
    console().print(f"wrote {out}: use it with `{use}`", soft_wrap=True)
