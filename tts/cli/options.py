"""Arguments and options that several commands share, and the checks that belong to them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

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
        metavar="CONFIG... KEY=VALUE...",
        help="YAML files, merged in order (the last one wins), and overrides such as questions=20.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
RunOption = Annotated[int | None, typer.Option(help="Number of the run to read, if a SQLite pool holds several.")]


def read_config(schema: type[C], arguments: Sequence[str] | None) -> tuple[C, list[Path]]:
    """Return the configuration and the files it came from; an argument with "=" that names no file is an override."""
    from tts.config import load_config

    given = list(arguments or ())
    overrides = [text for text in given if "=" in text and not os.path.isfile(text)]
    files = [Path(text) for text in given if text not in overrides]
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
    """Return the hooks that show a live run on standard error."""
    from evals.live.hooks import Hooks
    from evals.live.progress import Progress, notify

    return Hooks(progress=Progress, notify=notify)
