"""Pools of this framework, in any of their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.pools.records import Anew, Record, Source
from tts.pool import Entry, read_pool

FORMAT = "pool"


def fits(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a line of a JSON Lines pool, or a row of a Parquet pool."""
    samples = row.get("samples")
    line = {"id", "question", "gold"} <= set(row) and isinstance(samples, list) and bool(samples)
    if line and isinstance(samples, list) and isinstance(samples[0], Mapping):
        return "answer" in samples[0]
    return {"id", "question", "gold", "token_ids", "logprobs", "watched", "end"} <= set(row)


def read(path: str) -> Source:
    """Read a pool; of one with several runs, the latest.

    Raises:
        InputError: it is damaged.
    """
    pool = read_pool(path)
    tasks = {entry.problem.task for entry in pool.narrow().entries}
    records = Anew(lambda: (_record(path, entry) for entry in pool.entries))
    return Source(path, FORMAT, records, tasks.pop() if len(tasks) == 1 else "")


def _record(path: str, entry: Entry) -> Record:
    return Record(
        f"{path}, question {entry.problem.id!a}",
        entry.problem.question,
        entry.problem.golds,
        entry.problem.id,
        samples=list(entry.samples),
        correct=list(entry.correct),
        answered=True,
        model=entry.meta.get("model", ""),
    )
