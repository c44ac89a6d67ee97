"""The format of a pool, by the suffix of its name: a folder, .pool, has the database of a SQLite pool in it."""

from __future__ import annotations

import os
from pathlib import Path

from tts.errors import InputError

SUFFIXES = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".sqlite": "sqlite",
    ".db": "sqlite",
    ".pool": "sqlite",
    ".parquet": "parquet",
}


def pool_format(path: str | os.PathLike[str], *allowed: str) -> str:
    """Name the format of a pool file ("jsonl", "sqlite" or "parquet") by its suffix, in either case.

    Args:
        path: the file, which need not exist.
        allowed: the formats the caller takes; all of them where none is named.

    Raises:
        InputError: for any other suffix, naming the allowed ones.
    """
    name = Path(path).name.lower()
    fitting = {suffix: kind for suffix, kind in SUFFIXES.items() if not allowed or kind in allowed}
    for suffix, kind in fitting.items():
        if name.endswith(suffix):
            return kind
    raise InputError(f"{path}: the file name must end in {', '.join(fitting)}")


def holds_runs(path: str | os.PathLike[str]) -> bool:
    """Return whether a pool of this name holds runs: a SQLite file, or a folder with one."""
    return str(path).lower().endswith(tuple(suffix for suffix, kind in SUFFIXES.items() if kind == "sqlite"))
