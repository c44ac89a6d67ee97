"""Files read and written whole.

A file is written under a temporary name beside it, then renamed over it. Knows nothing about pools.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tts.errors import InputError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path in the same directory, which becomes ``path`` when the block ends well.

    The temporary name ends in the target's own name, so a writer that picks its format by suffix (gzip, matplotlib)
    works on it. It does not exist yet: the block creates it, with the usual permissions. A link is followed, so its
    target is what gets replaced. When the block raises, everything named after the temporary path is removed and
    ``path`` is what it was before.

    Raises:
        InputError: where the directory is missing, ``path`` exists and is no regular file, or writing fails (no space,
            no permission).
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"cannot write {path}: the directory {target.parent} does not exist")
    if target.exists() and not target.is_file():
        raise InputError(f"cannot write {path}: it exists and is not a regular file")
    temp = target.with_name(f".tmp-{os.urandom(4).hex()}-{target.name}")
    try:
        yield temp
        with temp.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(temp, target)
    except OSError as error:
        # Only what concerns this file is a person's business; another file's error keeps its own type.
        if error.filename is None or str(error.filename) == str(temp):
            raise InputError(f"cannot write {path}: {error.strerror or error}") from error
        raise
    finally:
        for leftover in target.parent.glob(glob.escape(temp.name) + "*"):
            with suppress(OSError):
                leftover.unlink()


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
