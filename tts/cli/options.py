"""Arguments and options that several commands share, and the checks that belong to them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tts.cli.grammar import sort_arguments
from tts.cli.verbosity import is_quiet, notify
from tts.errors import InputError
from tts.files import check_outputs

if TYPE_CHECKING:
    from evals.live.hooks import Hooks

C = TypeVar("C")

PoolArgument = Annotated[
    Path, typer.Argument(metavar="POOL", help="Pool to read: .jsonl, .jsonl.gz, .sqlite, .db or .parquet.")
]
ConfigArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE|KEY=VALUE",
        help="YAML files, merged in order; a file of questions (.jsonl); keys such as questions=20, or --questions 20.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
RunOption = Annotated[int | None, typer.Option(help="Number of the run to read, if a SQLite pool holds several.")]


def read_config(schema: type[C], arguments: Sequence[str] | None) -> tuple[C, list[Path]]:
    """Return the configuration and the YAML files it came from; see :func:`tts.cli.grammar.sort_arguments`.

    Raises:
        InputError: an argument that is neither a file nor an override, or a bad value.
    """
    from tts.config import load_config

    files, overrides = sort_arguments(schema, arguments or ())
    return load_config(schema, files, overrides), files


def check_live_outputs(out: str | None, files: Sequence[Path | None], inputs: Sequence[Path | str | None]) -> None:
    """Refuse a pool or a file that cannot be written or is an input, and one path for two of them.

    Raises:
        InputError: naming the file.
    """
    from evals.live.pool_run import pool_target

    path = pool_target(out, inputs)
    given = [file for file in files if file is not None]
    if any(file.resolve() == path.resolve() for file in given):
        raise InputError(f"cannot write {path} twice: give out=FILE and the other files different names")
    check_outputs(given, [path, *(Path(name) for name in inputs if name is not None)])


def model_directory(name: str) -> Path:
    """Return the directory that a training writes to; it is made if it is missing.

    Raises:
        InputError: it is a file, cannot be made, or holds a model that no training left there.
    """
    out = Path(name)
    if out.exists() and not out.is_dir():
        raise InputError(f"cannot write {out}: it exists and is no directory; give out another name")
    if (out / "config.json").exists() and not (out / "checkpoint.pt").exists():
        raise InputError(f"cannot write {out}: it holds a model already; give out another name")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}") from None
    return out


def terminal_hooks() -> Hooks:
    """Return the hooks that show a live run on standard error; a quiet command shows nothing."""
    from evals.live.hooks import Hooks
    from evals.live.progress import Progress

    return Hooks(notify=notify) if is_quiet() else Hooks(progress=Progress, notify=notify)
