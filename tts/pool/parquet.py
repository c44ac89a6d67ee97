"""Pools as Parquet: one row a sample, the question's columns repeated on each, nothing lost.

Columns: ``id, question, gold, task`` (strings), ``accepted`` (list of strings), ``meta`` (map of strings), ``index``
(int64), ``text, answer, end`` (strings), ``confidence`` (float64), ``correct`` (bool), ``token_ids`` (list of int32),
``logprobs`` (list of float64), ``watched`` (map of token id to a list of float64), the other columns of
``tts.types.COLUMNS`` (lists of float64 or bool, ``probe`` float64), ``owners`` (map of a string to a list of int32),
``usage`` (struct of six int64), ``error`` (string), ``given`` (int64), the optional fields of a sample,
``tts.types.SAMPLE_EXTRAS`` (float64, bool or string), and ``scores`` (map of a label to a struct of ``value``, ``read``
and ``drawn``). Columns that came after the first version may be missing. Null means the same as None in ``tts.types``.
Rows of one question follow each other.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tts.errors import InputError, first_line
from tts.files import atomic_path, read_bytes
from tts.pool.files import pool_format
from tts.pool.records import Entry, Pool, Score
from tts.pool.stored import USAGE
from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, End, Problem, Sample, Trace, Usage

_REQUIRED = ("id", "question", "task", "meta", "index", "text", "end", "token_ids", "logprobs", "watched")
_SIGNALS = (column.name for column in COLUMNS if column.name not in _REQUIRED)
_SINCE = (*_SIGNALS, "owners", "given", *SAMPLE_EXTRAS, "scores", "accepted")
"""The columns that a file may lack: those that came after the first version."""
_PROBLEM = ("id", "question", "gold", "task")
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
    scores = [_plain_scores(e, i) for e in pool.entries for i in range(len(e.samples))]
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
        **{column.name: [_plain(column, s.trace) for _, s, _ in rows] for column in COLUMNS},
        "owners": [list(s.trace.owners.items()) or None for _, s, _ in rows],
        "usage": [None if s.usage is None else {name: getattr(s.usage, name) for name in USAGE} for _, s, _ in rows],
        "error": [s.error for _, s, _ in rows],
        "given": [s.given or None for _, s, _ in rows],
        **{name: [getattr(s, name) for _, s, _ in rows] for name in SAMPLE_EXTRAS},
        "scores": scores,
        "accepted": [list(e.problem.accepted) or None for e, _, _ in rows],
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
    columns: dict[str, list[Any]] = {}
    for field in _schema():
        if field.name in _SINCE and field.name not in table.column_names:
            columns[field.name] = [None] * table.num_rows
            continue
        if field.name not in table.column_names:
            raise InputError(f"{path}: column {field.name!r} is missing; it has {', '.join(table.column_names)}")
        column = table.column(field.name)
        if field.name in _REQUIRED and column.null_count:
            raise InputError(f"{path}: column {field.name!r} must have a value in every row")
        try:
            columns[field.name] = column.cast(field.type).to_pylist()
        except (pa.ArrowException, NotImplementedError):
            if field.name == "usage" and pa.types.is_struct(column.type) and column.type.get_field_index("kept") >= 0:
                raise InputError(f"{path}: of an older version: run `tts pool upgrade {path}` once") from None
            raise InputError(f"{path}: column {field.name!r} must be {field.type}, got {column.type}") from None
    try:
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        grouped = itertools.groupby(rows, key=lambda row: [row[name] for name in _PROBLEM])
        entries = tuple(_entry(list(rows)) for _, rows in grouped)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Pool(str(path), hashlib.sha256(data).hexdigest(), entries)


def _schema() -> Any:
    import pyarrow as pa

    counts = pa.struct([(name, pa.int64()) for name in USAGE])
    score = pa.struct([("value", pa.float64()), ("read", pa.int64()), ("drawn", pa.int64())])
    extras = {float: pa.float64(), str: pa.string(), bool: pa.bool_()}
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
        **{column.name: _type(column) for column in COLUMNS},
        "owners": pa.map_(pa.string(), pa.list_(pa.int32())),
        "usage": counts,
        "error": pa.string(),
        "given": pa.int64(),
        **{name: extras[kind] for name, kind in SAMPLE_EXTRAS.items()},
        "scores": pa.map_(pa.string(), score),
        "accepted": pa.list_(pa.string()),
    }
    return pa.schema(list(types.items()))


def _type(column: Column) -> Any:
    """The Arrow type of a column of a trace."""
    import pyarrow as pa

    value = pa.float64() if column.kind is float else pa.bool_()
    if column.per == "watched":
        return pa.map_(pa.int32(), pa.list_(value))
    return value if column.per == "sample" else pa.list_(value)


def _plain(column: Column, trace: Trace) -> Any:
    """A column of a trace as Arrow takes it."""
    value = getattr(trace, column.name)
    return list(value.items()) if column.per == "watched" else value


def _plain_scores(entry: Entry, position: int) -> list[tuple[str, dict[str, Any]]] | None:
    """The scores of one sample as Arrow takes them."""
    given = [(label, scores[position]) for label, scores in entry.scores.items()]
    return [(k, {"value": s.value, "read": s.read, "drawn": s.drawn}) for k, s in given if s is not None] or None


def _entry(rows: Sequence[Mapping[str, Any]]) -> Entry:
    first = rows[0]
    given = [dict(row["scores"] or ()) for row in rows]
    labels = dict.fromkeys(label for scores in given for label in scores)
    return Entry(
        Problem(**{name: first[name] for name in _PROBLEM}, accepted=tuple(first["accepted"] or ())),
        tuple(_sample(row) for row in rows),
        tuple(row["correct"] for row in rows),
        dict(first["meta"]),
        {label: tuple(Score(**scores[label]) if label in scores else None for scores in given) for label in labels},
    )


def _sample(row: Mapping[str, Any]) -> Sample:
    at, end, usage = f"question {row['id']!a}", row["end"], row["usage"]
    if end not in tuple(End):
        raise InputError(f"{at}: end must be one of {', '.join(End)}, got {end!a}")
    if usage is not None and None in usage.values():
        raise InputError(f"{at}: usage must have all six counts or be null, got {usage}")
    if None in row["token_ids"] or any(_has_null(row[column.name]) for column in COLUMNS) or _has_null(row["owners"]):
        raise InputError(f"{at}: token_ids, columns of the trace and owners must not hold nulls")
    return Sample(
        text=row["text"],
        answer=row["answer"],
        end=End(end),
        confidence=row["confidence"],
        index=row["index"],
        token_ids=tuple(row["token_ids"]),
        trace=_trace(row),
        usage=None if usage is None else Usage(**usage),
        error=row["error"],
        given=row["given"] or 0,
        **{name: row[name] for name in SAMPLE_EXTRAS},
    )


def _has_null(value: Any) -> bool:
    """Return whether a list, or a list of keys with lists, holds a null."""
    if not isinstance(value, list):
        return False
    return any(one is None or (isinstance(one, tuple) and (one[1] is None or None in one[1])) for one in value)


def _trace(row: Mapping[str, Any]) -> Trace:
    columns: dict[str, Any] = {}
    for column in COLUMNS:
        value = row[column.name]
        if column.per == "watched":
            columns[column.name] = {token: tuple(values) for token, values in value}
        else:
            columns[column.name] = value if column.per == "sample" else tuple(value or ())
    if all(value in (None, (), {}) for value in columns.values()):
        return _NO_TRACE
    return Trace(**columns, owners={owner: tuple(tokens) for owner, tokens in row["owners"] or ()})
