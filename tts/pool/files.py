"""Which file holds a pool in which format, and how one is read whole."""

from __future__ import annotations

import os
from pathlib import Path

from tts.errors import InputError

SUFFIXES = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".sqlite": "sqlite",
    ".db": "sqlite",
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


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Read a file whole.

    Raises:
        InputError: where it is missing, is a directory or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
