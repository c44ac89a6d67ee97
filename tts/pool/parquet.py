"""Pools as Parquet: one row a sample, the question's columns repeated on each, nothing lost.

Columns: ``id, question, gold, task`` (strings), ``meta`` (map of strings), ``index`` (int64), ``text, answer, end``
(strings), ``confidence`` (float64), ``correct`` (bool), ``token_ids`` (list of int32), ``logprobs`` (list of float64),
``watched`` (map of token id to a list of float64), ``top, entropy, certainty`` (list of float64), ``steps`` (list of
bool), ``probe`` (float64), ``owners`` (map of a string to a list of int32; null where
``tts.pool.stored.assumed_owners`` says the same), ``usage`` (struct of six int64), ``error`` (string), ``given``
(int64). The columns from ``top`` to ``owners`` and ``given`` may be missing. Null means the same as None in
``tts.types``. Rows of one question
follow each other.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Sequence
from typing import Any

from tts.errors import InputError, first_line
from tts.files import atomic_path, read_bytes
from tts.pool.files import pool_format
from tts.pool.records import Entry, Pool
from tts.pool.stored import USAGE, assumed_owners, stored_owners
from tts.types import End, Problem, Sample, Trace, Usage

_REQUIRED = ("id", "question", "task", "meta", "index", "text", "end", "token_ids", "logprobs", "watched")
_MEANS = ("top", "entropy", "certainty")
_PER_TOKEN = (*_MEANS, "steps")
_NO_TRACE = Trace()


def write_parquet(pool: Pool, path: str | os.PathLike[str]) -> None:
    """Write a pool to a .parquet file, whole or not at all; an existing file is replaced.

    ``read_parquet`` gives back the same entries.

    Raises:
        InputError: for another suffix, or a place that cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pool_format(path, "parquet")
    schema = _schema()
    rows = [(e, s, c) for e in pool.entries for s, c in zip(e.samples, e.correct, strict=True)]
    columns: dict[str, list[Any]] = {
        "id": [e.problem.id for e, _, _ in rows],
        "question": [e.problem.question for e, _, _ in rows],
        "gold": [e.problem.gold for e, _, _ in rows],
        "task": [e.problem.task for e, _, _ in rows],
        "meta": [list(e.meta.items()) for e, _, _ in rows],
        "index": [s.index for _, s, _ in rows],
        "text": [s.text for _, s, _ in rows],
        "answer": [s.answer for _, s, _ in rows],
        "end": [str(s.end) for _, s, _ in rows],
        "confidence": [s.confidence for _, s, _ in rows],
        "correct": [c for _, _, c in rows],
        "token_ids": [s.token_ids for _, s, _ in rows],
        "logprobs": [s.trace.logprobs for _, s, _ in rows],
        "watched": [list(s.trace.watched.items()) for _, s, _ in rows],
        **{name: [getattr(s.trace, name) for _, s, _ in rows] for name in _PER_TOKEN},
        "probe": [s.trace.probe for _, s, _ in rows],
        "owners": [None if (found := stored_owners(s.trace)) is None else list(found.items()) for _, s, _ in rows],
        "usage": [None if s.usage is None else {k: getattr(s.usage, f) for f, k in USAGE.items()} for _, s, _ in rows],
        "error": [s.error for _, s, _ in rows],
        "given": [s.given or None for _, s, _ in rows],
    }
    table = pa.table({f.name: pa.array(columns[f.name], f.type) for f in schema}, schema)
    with atomic_path(path) as temp:
        pq.write_table(table, temp, compression="zstd")


def read_parquet(path: str | os.PathLike[str]) -> Pool:
    """Read a pool that ``write_parquet`` wrote; further columns are ignored.

    Raises:
        InputError: for another suffix, a missing or damaged file, a missing column, a column of another type, a null
            where there must be a value, or rows that are no pool, naming the column, row or question.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pool_format(path, "parquet")
    data = read_bytes(path)
    try:
        table = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a valid Parquet file ({first_line(error)})") from None
    columns: list[list[Any]] = []
    for field in _schema():
        if field.name in (*_PER_TOKEN, "probe", "owners", "given") and field.name not in table.column_names:
            columns.append([None] * table.num_rows)
            continue
        if field.name not in table.column_names:
            raise InputError(f"{path}: column {field.name!r} is missing; it has {', '.join(table.column_names)}")
        column = table.column(field.name)
        if field.name in _REQUIRED and column.null_count:
            raise InputError(f"{path}: column {field.name!r} must have a value in every row")
        try:
            columns.append(column.cast(field.type).to_pylist())
        except (pa.ArrowException, NotImplementedError):
            raise InputError(f"{path}: column {field.name!r} must be {field.type}, got {column.type}") from None
    try:
        grouped = itertools.groupby(zip(*columns, strict=True), key=lambda row: row[:4])
        entries = tuple(_entry(list(rows)) for _, rows in grouped)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Pool(str(path), hashlib.sha256(data).hexdigest(), entries)


def _schema() -> Any:
    import pyarrow as pa

    counts = pa.struct([(key, pa.int64()) for key in USAGE.values()])
    types = {
        "id": pa.string(),
        "question": pa.string(),
        "gold": pa.string(),
        "task": pa.string(),
        "meta": pa.map_(pa.string(), pa.string()),
        "index": pa.int64(),
        "text": pa.string(),
        "answer": pa.string(),
        "end": pa.string(),
        "confidence": pa.float64(),
        "correct": pa.bool_(),
        "token_ids": pa.list_(pa.int32()),
        "logprobs": pa.list_(pa.float64()),
        "watched": pa.map_(pa.int32(), pa.list_(pa.float64())),
        **{name: pa.list_(pa.float64()) for name in _MEANS},
        "steps": pa.list_(pa.bool_()),
        "probe": pa.float64(),
        "owners": pa.map_(pa.string(), pa.list_(pa.int32())),
        "usage": counts,
        "error": pa.string(),
        "given": pa.int64(),
    }
    return pa.schema(list(types.items()))


def _entry(rows: Sequence[tuple[Any, ...]]) -> Entry:
    problem_id, question, gold, task, meta, *_ = rows[0]
    return Entry(
        Problem(problem_id, question, gold, task),
        tuple(_sample(row) for row in rows),
        tuple(row[10] for row in rows),
        dict(meta),
    )


def _sample(row: tuple[Any, ...]) -> Sample:
    problem_id, _, _, _, _, index, text, answer, end, confidence, _, ids, logprobs, watched, *rest = row
    *noted, probe, owners, usage, error, given = rest
    if end not in tuple(End):
        raise InputError(f"question {problem_id!a}: end must be one of {', '.join(End)}, got {end!a}")
    if usage is not None and None in usage.values():
        raise InputError(f"question {problem_id!a}: usage must have all six counts or be null, got {usage}")
    noted = [values or () for values in noted]
    if (
        None in ids
        or any(None in values for values in (logprobs, *noted))
        or any(values is None or None in values for _, values in (*watched, *(owners or ())))
    ):
        raise InputError(f"question {problem_id!a}: token_ids, logprobs, watched and owners must not hold nulls")
    trace = _NO_TRACE
    if logprobs or watched or any(noted) or probe is not None:
        top, entropy, certainty, steps = map(tuple, noted)
        seen = {token: tuple(p) for token, p in watched}
        whose = assumed_owners(seen) if owners is None else {owner: tuple(tokens) for owner, tokens in owners}
        trace = Trace(tuple(logprobs), seen, top, entropy, certainty, steps, probe, owners=whose)
    return Sample(
        text=text,
        answer=answer,
        end=End(end),
        confidence=confidence,
        index=index,
        token_ids=tuple(ids),
        trace=trace,
        usage=None if usage is None else Usage(**{field: usage[key] for field, key in USAGE.items()}),
        error=error,
        given=given or 0,
    )
