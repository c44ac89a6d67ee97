"""A Sample as a row of SQLite, and back, without loss.

Scalars have a column each; the columns of a trace and the optional fields of a sample follow the tables of
:mod:`tts.types`, in the form of ``tts.pool.stored``. Token ids are a blob of int32, NULL where empty. Owners of watched
tokens are JSON, NULL where ``tts.pool.stored.assumed_owners`` gives the same. Token counts are all NULL where the
source keeps none, ``given`` where it is 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tts.pool.records import Entry
from tts.pool.stored import (
    EXTRA_SQL,
    TRACE_SQL,
    USAGE,
    assumed_owners,
    pack,
    pack_array,
    stored_owners,
    unpack,
    unpack_array,
)
from tts.types import COLUMNS as TRACE_COLUMNS
from tts.types import SAMPLE_EXTRAS, End, Problem, Sample, Trace, Usage

SQL = {
    "idx": "INTEGER NOT NULL",
    "correct": "INTEGER",
    "text": "TEXT NOT NULL",
    "answer": "TEXT",
    "ending": "TEXT NOT NULL",
    "confidence": "REAL",
    "token_ids": "BLOB",
    **TRACE_SQL,
    "owners": "TEXT",
    **dict.fromkeys(USAGE.values(), "INTEGER"),
    "error": "TEXT",
    "given": "INTEGER",
    **EXTRA_SQL,
}
"""The type of each column of a sample, by its name."""

COLUMNS = tuple(SQL)
_NO_TRACE = Trace()


def to_row(sample: Sample, correct: bool | None) -> tuple[Any, ...]:
    """Return the values of ``COLUMNS``; plain Python numbers, since SQLite would keep numpy's as blobs."""
    trace, usage = sample.trace, sample.usage
    return (
        int(sample.index),
        None if correct is None else int(bool(correct)),
        sample.text,
        sample.answer,
        str(sample.end),
        None if sample.confidence is None else float(sample.confidence),
        pack_array("i", sample.token_ids),
        *(pack(column, getattr(trace, column.name)) for column in TRACE_COLUMNS),
        _dump_owners(trace),
        *(None if usage is None else int(getattr(usage, field)) for field in USAGE),
        sample.error,
        int(sample.given) or None,
        *(None if (value := getattr(sample, name)) is None else kind(value) for name, kind in SAMPLE_EXTRAS.items()),
    )


def from_row(row: tuple[Any, ...]) -> tuple[Sample, bool | None]:
    """Return the sample and the grade of a row of ``to_row``."""
    of = dict(zip(COLUMNS, row, strict=True))
    correct = of["correct"]
    counts = {field: of[name] for field, name in USAGE.items()}
    sample = Sample(
        of["text"],
        of["answer"],
        End(of["ending"]),
        of["confidence"],
        of["idx"],
        unpack_array("i", of["token_ids"]),
        _trace(of),
        None if counts["prompt"] is None else Usage(**counts),
        of["error"],
        of["given"] or 0,
        **{name: of[name] for name in SAMPLE_EXTRAS},
    )
    return sample, None if correct is None else bool(correct)


def to_entries(
    problems: list[tuple[Any, ...]], rows: list[tuple[Any, ...]], meta: Mapping[str, str]
) -> tuple[Entry, ...]:
    """Questions with their samples.

    Args:
        problems: (number, id, question, gold, task, meta as JSON), in the order wanted.
        rows: (number of the question, then the values of ``COLUMNS``); questions without any are left out.
        meta: what to add to every question's own strings.
    """
    graded: dict[int, list[tuple[Sample, bool | None]]] = {}
    for number, *row in rows:
        graded.setdefault(number, []).append(from_row(tuple(row)))
    return tuple(
        Entry(
            Problem(problem_id, question, gold, task),
            tuple(sample for sample, _ in graded[number]),
            tuple(correct for _, correct in graded[number]),
            {**json.loads(own), **meta},
        )
        for number, problem_id, question, gold, task, own in problems
        if number in graded
    )


def _trace(of: Mapping[str, Any]) -> Trace:
    if all(of[name] is None for name in TRACE_SQL):
        return _NO_TRACE
    columns = {column.name: unpack(column, of[column.name]) for column in TRACE_COLUMNS}
    owners, watched = of["owners"], columns["watched"]
    whose = assumed_owners(watched) if owners is None else {o: tuple(t) for o, t in json.loads(owners).items()}
    return Trace(**columns, owners=whose)


def _dump_owners(trace: Trace) -> str | None:
    owners = stored_owners(trace)
    return None if owners is None else json.dumps({owner: [int(t) for t in tokens] for owner, tokens in owners.items()})
