"""One way in and out of every pool format: by the file's suffix."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from tts.errors import InputError
from tts.files import Output, atomic_path, check_replaced
from tts.pool.files import pool_format
from tts.pool.jsonl import read_jsonl, write_jsonl
from tts.pool.parquet import read_parquet, write_parquet
from tts.pool.records import Pool
from tts.pool.runs import RunKey
from tts.pool.sqlite.connect import write_lock
from tts.pool.sqlite.store import PoolStore


def load_pool(path: str | os.PathLike[str], *, run: int | None = None) -> Pool:
    """Read a pool from a .jsonl, .jsonl.gz, .sqlite, .db or .parquet file.

    Args:
        path: the file.
        run: for SQLite files that hold several runs, which one.

    Raises:
        InputError: for another suffix, naming the allowed ones; for a file that cannot be read as what its suffix
            says; where ``run`` is given for a file without runs, or left out for one with several.
    """
    kind = pool_format(path)
    if kind == "sqlite":
        with PoolStore.read(path) as store:
            return store.to_pool(run)
    if run is not None:
        raise InputError(f"{path}: run={run} was given, but only SQLite pools hold runs")
    return read_jsonl(path) if kind == "jsonl" else read_parquet(path)


def import_pool(src: str | os.PathLike[str], dst: str | os.PathLike[str], *, force: bool = False) -> Pool:
    """Make a SQLite pool (.sqlite, .db) of a JSON Lines or Parquet one, whole or not at all, as its only run.

    The run's model is the one that every question names, or empty where they differ or name none; its configuration
    records the source file.

    Returns:
        The pool that was read from ``src``.

    Raises:
        InputError: for other suffixes, a bad ``src``, or a ``dst`` that exists, unless ``force`` replaces it.
        PoolLockedError: where another process is writing to ``dst``.
    """
    pool_format(src, "jsonl", "parquet")
    pool_format(dst, "sqlite")
    _refuse_existing(dst, force)
    pool = load_pool(src)
    models = {entry.meta.get("model", "") for entry in pool.entries}
    shared = models.pop() if len(models) == 1 else ""
    lock = write_lock(dst)
    try:
        _refuse_existing(dst, force)
        with atomic_path(dst) as temp:
            with PoolStore.create_or_open(temp) as store:
                run = store.open_run(RunKey(shared), {"imported_from": str(src), "sha256": pool.sha256})
                # The run records the shared model; its questions, which later runs share, do not repeat it.
                said = {"model"} if shared else set()
                store.add_problems(
                    (e.problem, {k: v for k, v in e.meta.items() if k not in said}) for e in pool.entries
                )
                for entry in pool.entries:
                    store.add(run, entry.problem.id, entry.samples, entry.correct)
            # The log of a killed writer would otherwise be replayed into the new file.
            for suffix in ("-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{os.path.realpath(dst)}{suffix}")
    finally:
        lock.release()
    return pool


def export_pool(
    src: str | os.PathLike[str], dst: str | os.PathLike[str], *, force: bool = False, run: int | None = None
) -> Pool:
    """Write a pool of any format to a .parquet, .jsonl or .jsonl.gz file, whole or not at all.

    Returns:
        The pool that was read from ``src``.

    Raises:
        InputError: for other suffixes, a bad ``src``, or a ``dst`` that exists, unless ``force`` replaces it.
    """
    kind = pool_format(dst, "parquet", "jsonl")
    _refuse_existing(dst, force)
    pool = load_pool(src, run=run)
    (write_parquet if kind == "parquet" else write_jsonl)(pool, dst)
    return pool


def _refuse_existing(path: str | os.PathLike[str], force: bool) -> None:
    check_replaced(Output(Path(path), "pool"), command="", force=force, forced_by="force=True")
