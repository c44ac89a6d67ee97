"""The columns of a Parquet pool and their Arrow types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts.pool.entries import ALL, Fields
from tts.pool.stored import USAGE
from tts.types import COLUMNS, SAMPLE_EXTRAS, Column

PROBLEM = ("id", "question", "gold", "task")
REQUIRED = ("id", "question", "task", "meta", "index", "text", "end", "token_ids", "logprobs", "watched")
"""The columns that have a value in every row."""
SINCE = (
    *(column.name for column in COLUMNS if column.name not in REQUIRED),
    *("owners", "given", *SAMPLE_EXTRAS, "scores", "accepted", "calls", "chat"),
)
"""The columns that a file may lack: those that came after the first version."""
_OF_FIELD: Mapping[Fields, tuple[str, ...]] = {
    "text": ("text", "error", "failure", "reasoning", "calls"),
    "tokens": ("token_ids",),
    "trace": (*(column.name for column in COLUMNS), "owners"),
    "usage": ("usage", "estimated"),
    "times": ("started_s", "first_s", "finished_s", "in_flight", "machine_s"),
    "scores": ("scores",),
}


def schema() -> Any:
    """Return the Arrow schema of a pool."""
    import pyarrow as pa

    counts = pa.struct([(name, pa.int64()) for name in USAGE])
    score = pa.struct([("value", pa.float64()), ("read", pa.int64()), ("drawn", pa.int64())])
    extras = {float: pa.float64(), str: pa.string(), bool: pa.bool_(), int: pa.int64()}
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
        "calls": pa.string(),
        "chat": pa.string(),
    }
    return pa.schema(list(types.items()))


def columns_of(fields: frozenset[Fields] = ALL) -> tuple[str, ...]:
    """Return the columns of samples to read for these fields, without those of the question and the scores."""
    absent = {name for field, names in _OF_FIELD.items() if field not in fields or field == "scores" for name in names}
    return tuple(name for name in schema().names if name not in absent | {*PROBLEM, "meta", "accepted", "chat"})


def _type(column: Column) -> Any:
    """Return the Arrow type of a column of a trace."""
    import pyarrow as pa

    value = pa.float64() if column.kind is float else pa.bool_()
    if column.per == "watched":
        return pa.map_(pa.int32(), pa.list_(value))
    return value if column.per == "sample" else pa.list_(value)
