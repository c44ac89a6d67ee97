"""Pools written to Parquet files and read from them; see :mod:`tts.pool.parquet`."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tts.errors import InputError, first_line
from tts.files import atomic_path, read_bytes
from tts.pool.chats import with_chat
from tts.pool.files import pool_format
from tts.pool.parquet.schema import PROBLEM, REQUIRED, SINCE, schema
from tts.pool.parquet.tables import from_json, samples_of, to_table
from tts.pool.records import Entry, Pool, Score
from tts.progress.phases import tracked
from tts.types import Problem

GROUP = 8_192
"""Rows of a row group, or one question where it has more samples."""


def write_parquet(pool: Pool, path: str | os.PathLike[str]) -> None:
    """Write a pool to a .parquet file, whole or not at all; an existing file is replaced.

    ``read_parquet`` gives back the same entries.

    Raises:
        InputError: for another suffix, or a place that cannot be written.
    """
    import pyarrow.parquet as pq

    pool_format(path, "parquet")
    with atomic_path(path) as temp, pq.ParquetWriter(temp, schema(), compression="zstd") as writer:
        for some in in_groups(tracked(pool.entries, "writing", "store", pool.questions)):
            writer.write_table(to_table(some).select(schema().names))


def in_groups(entries: Iterable[Entry], rows: int = GROUP) -> Iterator[list[Entry]]:
    """Yield questions in groups of at most this many samples, or of one question."""
    some: list[Entry] = []
    held = 0
    for entry in entries:
        if some and held + len(entry.samples) > rows:
            yield some
            some, held = [], 0
        some.append(entry)
        held += len(entry.samples)
    if some:
        yield some


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
    columns: dict[str, Any] = {}
    for field in schema():
        if field.name in SINCE and field.name not in table.column_names:
            continue
        if field.name not in table.column_names:
            raise InputError(f"{path}: column {field.name!r} is missing; it has {', '.join(table.column_names)}")
        column = table.column(field.name)
        if field.name in REQUIRED and column.null_count:
            raise InputError(f"{path}: column {field.name!r} must have a value in every row")
        try:
            columns[field.name] = _whole(column.cast(field.type))
        except (pa.ArrowException, NotImplementedError):
            if field.name == "usage" and pa.types.is_struct(column.type) and column.type.get_field_index("kept") >= 0:
                raise InputError(f"{path}: of an older version: run `tts pool upgrade {path}` once") from None
            raise InputError(f"{path}: column {field.name!r} must be {field.type}, got {column.type}") from None
    try:
        entries = tuple(_entries(columns, table.num_rows))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Pool(str(path), hashlib.sha256(data).hexdigest(), entries)


def _whole(column: Any) -> Any:
    """Return a column as one array."""
    import pyarrow as pa

    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        return found.chunk(0) if found.num_chunks else pa.array([], found.type)
    return found


def _entries(columns: Mapping[str, Any], rows: int) -> Iterator[Entry]:
    def values(name: str) -> list[Any]:
        return columns[name].to_pylist() if name in columns else [None] * rows

    ids, correct, metas, accepted, scores = map(values, ("id", "correct", "meta", "accepted", "scores"))
    chats = values("chat")
    keys = list(zip(*map(values, PROBLEM), strict=True))
    samples = samples_of(columns, ids)
    groups = [(key, list(group)) for key, group in itertools.groupby(range(rows), key=keys.__getitem__)]
    for key, at in tracked(groups, "reading", "read", len(groups)):
        first, last = at[0], at[-1] + 1
        problem = Problem(**dict(zip(PROBLEM, key, strict=True)), accepted=tuple(accepted[first] or ()))
        yield Entry(
            problem if chats[first] is None else with_chat(problem, from_json(chats[first], "chat", problem.id)),
            tuple(samples[first:last]),
            tuple(correct[first:last]),
            dict(metas[first]),
            _scores([dict(one or ()) for one in scores[first:last]]),
        )


def _scores(given: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Score | None, ...]]:
    labels = dict.fromkeys(label for scores in given for label in scores)
    return {label: tuple(Score(**scores[label]) if label in scores else None for scores in given) for label in labels}
