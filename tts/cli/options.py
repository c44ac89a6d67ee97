"""Arguments and options that several commands share, and the checks that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tts.cli.grammar import sort_arguments
from tts.cli.verbosity import is_quiet, notify
from tts.errors import InputError
from tts.files import Output, check_outputs

if TYPE_CHECKING:
    from evals.live.hooks import Hooks

C = TypeVar("C")

PoolArgument = Annotated[
    Path, typer.Argument(metavar="POOL", help="Pool to read: .jsonl, .jsonl.gz, .sqlite, .db, .pool or .parquet.")
]
PoolsArgument = Annotated[
    list[Path],
    typer.Argument(metavar="POOL...", help="Pools to show: .sqlite, .db, .pool, .jsonl, .jsonl.gz or .parquet."),
]
ConfigArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|KEY=VALUE",
        help="YAML files, merged in order; a file of questions (.jsonl); keys such as questions=20, or --questions 20.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace files that another command or program wrote.")]
BudgetOption = Annotated[int | None, typer.Option(help="Most samples per question [default: all].")]
PermutationsOption = Annotated[
    int | None, typer.Option(help="Random orders of the samples of each question [default: 200].")
]
SeedOption = Annotated[int | None, typer.Option(help="Random seed of orders, halves and bootstrap [default: 0].")]
AnswersOption = Annotated[
    str | None, typer.Option(help="Kind of answers: auto, number, choice, math, text [default: auto].")
]
StrategiesOption = Annotated[
    str | None, typer.Option(help="Comma-separated names [default: those of the run, else all that it serves].")
]
ScoreOption = Annotated[
    str | None,
    typer.Option(help="Score to use as confidence: of a scorer, confidence, mean_logprob [default: recorded]."),
]
CalibrateOption = Annotated[
    str | None, typer.Option(help="Calibration map, cross-fitted: platt, isotonic, beta or temperature.")
]
CARDS = {
    "tts train grace": "grace.json",
    "tts train finece": "finece.json",
    "tts train head": "head.json",
    "tts train reward": "reward.json",
    "tts train tiny": "recipe.json",
}
"""The file by which a trained model names the command that trained it."""


class RunNumbers(tuple[int, ...]):
    """The numbers of runs, a type of its own so that an option takes them as one text."""


def given_runs(text: str | None) -> RunNumbers | None:
    """Return the numbers of runs that an option names; None where it is not given.

    Raises:
        InputError: as :func:`tts.pool.join.run_numbers`.
    """
    if text is None:
        return None
    from tts.pool.join import run_numbers

    return RunNumbers(run_numbers(text))


RunOption = Annotated[
    RunNumbers | None,
    typer.Option(
        parser=str,
        callback=given_runs,
        metavar="N[,N]",
        help="Run to read, or runs to join, of a SQLite pool [default: the latest].",
    ),
]


def as_overrides(**chosen: object) -> list[str]:
    """Return the options that are given as overrides of a configuration, KEY=VALUE each."""
    return [f"{key}={value}" for key, value in chosen.items() if value is not None]


def read_config(schema: type[C], arguments: Sequence[str] | None) -> tuple[C, list[Path]]:
    """Return the configuration and the YAML files it came from; see :func:`tts.cli.grammar.sort_arguments`.

    Raises:
        InputError: an argument that is neither a file nor an override, a bad value, or several tasks or models.
    """
    found, files = read_each(schema, arguments)
    if len(found) > 1:
        raise InputError("this command takes one task and one model: name one of each (`tts run` takes lists of both)")
    return found[0], files


def read_each(schema: type[C], arguments: Sequence[str] | None) -> tuple[list[C], list[Path]]:
    """Return the configurations of every task and model that lists name, and the YAML files they came from.

    Raises:
        InputError: an argument that is neither a file nor an override, or a bad value.
    """
    from tts.config.lists import load_each

    files, overrides = sort_arguments(schema, arguments or ())
    return load_each(schema, files, overrides), files


def check_live_outputs(
    out: str | None, files: Sequence[Output], inputs: Sequence[Path | str | None], *, command: str, force: bool = False
) -> None:
    """Refuse a pool or a file that cannot be written or is an input, and one path for two of them.

    Args:
        out: the pool, which is continued where it exists.
        files: the other outputs.
        inputs: the files that are read; None for one that was not given.
        command: the command, such as "tts run".
        force: replace files that another command or program wrote.

    Raises:
        InputError: naming the file.
    """
    from evals.live.pool_run import pool_target

    path = pool_target(out, inputs)
    if path is not None and any(file.path.resolve() == path.resolve() for file in files if file.path is not None):
        raise InputError(f"cannot write {path} twice: give out=FILE and the other files different names")
    check_outputs(files, [path, *inputs], command=command, force=force)


def model_directory(name: str, *, command: str, base: str | None = None, force: bool = False) -> Path:
    """Return the directory that a training writes to; it is made if it is missing.

    Args:
        name: the directory.
        command: a key of ``CARDS``. A directory with its checkpoint is continued.
        base: the base model, whose directory is never written to.
        force: start anew in a directory that holds another model or training; its checkpoints and cards are removed.

    Raises:
        InputError: it is a file, cannot be made, is the base model, or holds what another command left there.
    """
    out = Path(name)
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write {out}: it exists and is no directory; give out another name")
    if base is not None and out.exists() and Path(base).exists() and out.samefile(base):
        raise InputError(f"cannot write {out}: it is the base model of this command; give out another name")
    others = [out / card for by, card in CARDS.items() if by != command]
    foreign = (out / "config.json").exists() and not (out / "checkpoint.pt").exists()
    if not force and (foreign or any(file.exists() for file in others)):
        raise InputError(
            f"cannot write {out}: it holds a model that `{command}` did not train; give out another name, or --force "
            "to replace it"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in (out / "checkpoint.pt", out / "best.pt", *others) if force else ():
            file.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    return out


def terminal_hooks() -> Hooks:
    """Return the hooks that show a live run on standard error; a quiet command shows nothing."""
    from evals.live.hooks import Hooks
    from evals.live.progress import Progress
    from evals.progress.phases import PhaseProgress

    if is_quiet():
        return Hooks(notify=notify)
    return Hooks(progress=Progress, phases=PhaseProgress, notify=notify)
