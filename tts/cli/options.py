"""Arguments and options that several commands share, and what they have to check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tts.errors import InputError

PoolArgument = Annotated[
    Path, typer.Argument(metavar="POOL", help="A pool: .jsonl, .jsonl.gz, .sqlite, .db or .parquet.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the target if it exists.")]
RunOption = Annotated[int | None, typer.Option(help="Which run, where a SQLite pool holds several.")]


def check_outputs(outputs: list[Path], inputs: list[Path]) -> None:
    """Refuse outputs that cannot be written, or that would replace an input or one another, before any work is done."""
    for i, path in enumerate(outputs):
        real = Path(os.path.realpath(path))
        if not real.parent.is_dir():
            raise InputError(f"cannot write {path}: the folder {real.parent} does not exist")
        if real.exists() and not real.is_file():
            raise InputError(f"cannot write {path}: it exists and is not a regular file")
        for other in inputs:
            if real.exists() and other.exists() and real.samefile(other):
                raise InputError(f"cannot write {path}: it is an input of this command; give another name")
        if str(real) in map(os.path.realpath, outputs[:i]):
            raise InputError(f"cannot write {path} twice: give the JSON and the plot different names")
