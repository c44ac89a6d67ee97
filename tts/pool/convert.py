"""One way in and out of every pool format: by the file's suffix."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tts.errors import InputError
from tts.files import Output, check_replaced
from tts.pool.files import pool_format
from tts.pool.join import join_runs
from tts.pool.jsonl.files import read_jsonl, write_jsonl
from tts.pool.parquet.files import read_parquet, write_parquet
from tts.pool.parts.folder import atomic_pool
from tts.pool.records import Entry, Pool, Score
from tts.pool.runs import RunKey
from tts.pool.sqlite.connect import write_lock
from tts.pool.sqlite.store import PoolStore
from tts.progress.phases import tracked


def load_pool(
    path: str | os.PathLike[str],
    *,
    run: int | Sequence[int] | None = None,
    scorer: str | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Read a pool from a .jsonl, .jsonl.gz, .sqlite, .db, .pool or .parquet file, with one confidence a sample.

    The confidences are those recorded with the samples, or else the scores of the scorer that was used last, if it has
    judged every sample with an answer.

    Args:
        path: the file.
        run: for SQLite files that hold several runs, which one, or several to join; the latest where it is left out.
        scorer: the label of the scorer whose scores to take.
        notify: receives a sentence about what was chosen among several.

    Raises:
        InputError: for another suffix, naming the allowed ones; for a file that cannot be read as what its suffix
            says; where ``run`` is given for a file without runs; for scores that it does not hold.
    """
    pool = read_pool(path, run=run, notify=notify)
    if scorer is not None:
        return pool.with_scores(scorer)
    complete = [] if pool.facts.confidences else [label for label in pool.scorers if pool.complete(label)]
    if not complete:
        return pool
    if len(pool.scorers) > 1:
        others = ", ".join(label for label in pool.scorers if label != complete[-1])
        notify(f"{path}: scores of {complete[-1]}; it also holds {others}")
    return pool.with_scores(complete[-1])


def read_pool(
    path: str | os.PathLike[str],
    *,
    run: int | Sequence[int] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Read a pool as it stands in its file, scores beside the samples; see :func:`load_pool`."""
    kind = pool_format(path)
    chosen = (run,) if isinstance(run, int) else tuple(run or ())
    if kind == "sqlite":
        with PoolStore.read(path) as store:
            if not chosen:
                latest, runs = store.latest_run(), len(store.runs())
                if runs > 1:
                    notify(f"{path}: run {latest}, the latest of {runs}; others by --run")
                return store.to_pool(latest)
            pools = [store.to_pool(number) for number in dict.fromkeys(chosen)]
            if len(pools) == 1:
                return pools[0]
            known = {one.id: one for one in store.runs()}
            return join_runs(pools, [known[number] for pool in pools for number in pool.runs], notify=notify)
    if chosen:
        raise InputError(f"{path}: run={','.join(map(str, chosen))} was given, but only SQLite pools hold runs")
    return read_jsonl(path) if kind == "jsonl" else read_parquet(path)


def import_pool(src: str | os.PathLike[str], dst: str | os.PathLike[str], *, force: bool = False) -> Pool:
    """Make a pool of runs (.sqlite, .db, .pool) of a JSON Lines or Parquet one, whole or not at all, as its only run.

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
    pool = read_pool(src)
    models = {entry.meta.get("model", "") for entry in pool.entries}
    shared = models.pop() if len(models) == 1 else ""
    lock = write_lock(dst)
    try:
        _refuse_existing(dst, force)
        with atomic_pool(dst) as temp, PoolStore.create_or_open(temp) as store:
            run = store.open_run(RunKey(shared), {"imported_from": str(src), "sha256": pool.sha256})
            # The run records the shared model; its questions, which later runs share, do not repeat it.
            said = {"model"} if shared else set()
            store.add_problems((e.problem, {k: v for k, v in e.meta.items() if k not in said}) for e in pool.entries)
            scorers = {label: store.open_scorer(label, {"name": label}) for label in pool.scorers}
            for entry in tracked(pool.entries, "writing", "store", pool.questions):
                scores = {scorers[label]: _by_index(entry, of) for label, of in entry.scores.items()}
                store.add(run, entry.problem.id, entry.samples, entry.correct, scores=scores)
                store.decided(entry.problem.id)
            store.seal()
    finally:
        lock.release()
    return pool


def export_pool(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    force: bool = False,
    run: int | Sequence[int] | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Write a pool of any format to a .parquet, .jsonl or .jsonl.gz file, whole or not at all.

    Args:
        src: the pool to read.
        dst: the file to write.
        force: replace a pool that is there.
        run: for SQLite files that hold several runs, which one, or several to join; the latest where it is left out.
        notify: receives a sentence about what was chosen among several.

    Returns:
        The pool that was read from ``src``.

    Raises:
        InputError: for other suffixes, a bad ``src``, or a ``dst`` that exists, unless ``force`` replaces it.
    """
    kind = pool_format(dst, "parquet", "jsonl")
    _refuse_existing(dst, force)
    pool = read_pool(src, run=run, notify=notify)
    (write_parquet if kind == "parquet" else write_jsonl)(pool, dst)
    return pool


def _by_index(entry: Entry, scores: Sequence[Score | None]) -> dict[int, Score]:
    return {sample.index: score for sample, score in zip(entry.samples, scores, strict=True) if score is not None}


def _refuse_existing(path: str | os.PathLike[str], force: bool) -> None:
    check_replaced(Output(Path(path), "pool"), command="", force=force, forced_by="force=True")
