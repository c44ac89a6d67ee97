"""The folder of a pool that grows: its database, its lock and its parts."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tts.errors import InputError
from tts.files import atomic_path

SUFFIX = ".pool"
LIVE = "live.sqlite"
PARTS = "parts"


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a pool of this name is a folder."""
    return str(path).lower().endswith(SUFFIX)


def database(path: str | os.PathLike[str]) -> Path:
    """Return the SQLite file of a pool, which is the pool itself where it is no folder."""
    real = Path(os.path.realpath(path))
    return real / LIVE if is_folder(path) else real


def make(path: str | os.PathLike[str]) -> None:
    """Make the folder of a pool, where it is one.

    Raises:
        InputError: it cannot be made, or a file has its name.
    """
    if not is_folder(path):
        return
    folder = Path(os.path.realpath(path))
    try:
        (folder / PARTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: the folder cannot be made ({error.strerror})") from None


@contextmanager
def atomic_pool(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name beside a SQLite pool or a pool folder, which takes its place when the block ends well.

    The caller holds the write lock of the pool, so that leftovers of killed processes are removed.

    Raises:
        InputError: it cannot be written.
    """
    target = Path(os.path.realpath(path))
    for leftover in target.parent.glob(f".tmp-????????-{glob.escape(target.name)}*"):
        _remove(leftover)
    if not is_folder(path):
        with atomic_path(path) as temp:
            yield temp
        for suffix in ("-wal", "-shm", "-journal"):  # of a killed writer, which would be replayed into the new file
            Path(f"{target}{suffix}").unlink(missing_ok=True)
        return
    temp = target.with_name(f".tmp-{os.urandom(4).hex()}-{target.name}")
    old = target.with_name(f".old-{target.name}")
    if old.exists() and not target.exists():  # a process died between the two renames
        old.rename(target)
    _remove(old)
    try:
        yield temp
        if target.exists():
            target.rename(old)
        temp.rename(target)
        _remove(old)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for leftover in target.parent.glob(f"{glob.escape(temp.name)}*"):
            _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_parts(connection: sqlite3.Connection, path: str) -> None:
    """See that every listed part of a pool is there, as long as it was written.

    Raises:
        InputError: one is missing or of another length.
    """
    if not is_folder(path):
        return
    for file, length in connection.execute("SELECT file, bytes FROM parts WHERE listed"):
        found = database(path).parent / PARTS / file
        try:
            there = found.stat().st_size
        except FileNotFoundError:
            raise InputError(
                f"{path}: part {PARTS}/{file} is missing: copy the whole folder again, its samples are nowhere else"
            ) from None
        if there != length:
            raise InputError(
                f"{path}: part {PARTS}/{file} has {there} bytes and was written with {length}, so it is cut short or "
                "changed: copy the whole folder again"
            )


def unlisted(connection: sqlite3.Connection, path: str) -> list[str]:
    """Return the files among the parts of a pool that it does not list, and does not read."""
    if not is_folder(path):
        return []
    known = {file for (file,) in connection.execute("SELECT file FROM parts")}
    folder = database(path).parent / PARTS
    names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    return [f"{PARTS}/{name}" for name in names if name not in known and not name.startswith(".tmp-")]


def remove_unfinished(connection: sqlite3.Connection, path: str) -> None:
    """Remove parts that were announced and not listed, of a process that died meanwhile; needs the write lock."""
    if not is_folder(path):
        return
    folder = database(path).parent / PARTS
    for leftover in folder.glob(".tmp-*"):
        leftover.unlink(missing_ok=True)
    for (file,) in connection.execute("SELECT file FROM parts WHERE NOT listed").fetchall():
        (folder / file).unlink(missing_ok=True)
    connection.execute("DELETE FROM parts WHERE NOT listed")
