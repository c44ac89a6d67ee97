"""A Sample as a row of SQLite, and back, without loss.

Scalars have a column each; the columns of a trace and the optional fields of a sample follow the tables of
:mod:`tts.types`, in the form of ``tts.pool.stored``. Token ids are a blob of int32, NULL where empty. Owners of watched
tokens are JSON, NULL where there are none. Token counts are all NULL where the source keeps none, ``given`` where it is
0.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from tts.pool.chats import calls_of, calls_text, chat_text, with_chat
from tts.pool.digest import row_hash
from tts.pool.entries import Fields
from tts.pool.stored import (
    EXTRA_SQL,
    TRACE_SQL,
    USAGE,
    pack,
    pack_array,
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
    **dict.fromkeys(USAGE, "INTEGER"),
    "error": "TEXT",
    "given": "INTEGER",
    **EXTRA_SQL,
    "calls": "TEXT",
}
"""The type of each column of a sample, by its name."""

COLUMNS = tuple(SQL)
PROBLEM_COLUMNS = "id, question, gold, task, accepted, chat"
"""The columns of a problem, as a query names them."""
TRACE_ROW = (*TRACE_SQL, "owners")
"""The columns of a trace."""
_OF_FIELD: Mapping[Fields, tuple[str, ...]] = {
    "text": ("text", "error", "failure", "reasoning", "calls"),
    "tokens": ("token_ids",),
    "trace": TRACE_ROW,
    "usage": (*USAGE, "estimated"),
    "times": ("started_s", "first_s", "finished_s", "in_flight", "machine_s"),
}
_ENDS = {str(end): end for end in End}
_EXTRAS = attrgetter(*SAMPLE_EXTRAS)
_KINDS = tuple(int if kind is bool else kind for kind in SAMPLE_EXTRAS.values())
_NO_EXTRAS = (None,) * len(SAMPLE_EXTRAS)
_NO_TRACE = Trace()
_BARE = (None,) * (len(TRACE_COLUMNS) + 1)
_UNCOUNTED = (None,) * len(USAGE)


def trace_row(trace: Trace) -> tuple[Any, ...]:
    """Return the values of the columns of a trace, its owners last."""
    return (*(pack(column, getattr(trace, column.name)) for column in TRACE_COLUMNS), _dump_owners(trace))


def to_row(sample: Sample, correct: bool | None) -> tuple[Any, ...]:
    """Return the values of ``COLUMNS``; plain Python numbers, since SQLite would keep numpy's as blobs."""
    trace, usage, extras = sample.trace, sample.usage, _EXTRAS(sample)
    bare = trace is _NO_TRACE or trace == _NO_TRACE
    return (
        int(sample.index),
        None if correct is None else int(bool(correct)),
        sample.text,
        sample.answer,
        str(sample.end),
        None if sample.confidence is None else float(sample.confidence),
        pack_array("i", sample.token_ids),
        *(_BARE if bare else trace_row(trace)),
        *(_UNCOUNTED if usage is None else (int(getattr(usage, field)) for field in USAGE)),
        sample.error,
        int(sample.given) or None,
        *(extras if extras == _NO_EXTRAS else _plain(extras)),
        calls_text(sample.calls),
    )


def _plain(extras: Sequence[Any]) -> Iterator[Any]:
    return (None if value is None else kind(value) for value, kind in zip(extras, _KINDS, strict=True))


def columns_of(fields: frozenset[Fields]) -> tuple[str, ...]:
    """Return the columns to read for these fields of samples, in the order of ``COLUMNS``."""
    absent = {name for field, names in _OF_FIELD.items() if field not in fields for name in names}
    return tuple(name for name in COLUMNS if name not in absent)


def from_row(row: Sequence[Any], columns: tuple[str, ...] = COLUMNS) -> tuple[Sample, bool | None]:
    """Return the sample and the grade of a row of ``to_row``, or of those of its columns that ``columns_of`` names."""
    return reader_of(columns)(row)


@cache
def reader_of(columns: tuple[str, ...]) -> Callable[[Sequence[Any]], tuple[Sample, bool | None]]:
    """Return what turns rows with these columns to samples with their grades; it is called for millions of rows."""
    at = {name: place for place, name in enumerate(columns)}
    always = ("answer", "ending", "confidence", "idx", "correct", "given")
    answer, ending, confidence, index, correct, given = (at[name] for name in always)
    text, error, tokens, prompt = (at.get(name) for name in ("text", "error", "token_ids", "prompt"))
    counts = None if prompt is None else itemgetter(*(at[name] for name in USAGE))
    traces = [(name, at[name]) for name in TRACE_ROW if name in at]
    extras = [(name, kind, at[name]) for name, kind in SAMPLE_EXTRAS.items() if name in at]
    called = at.get("calls")

    def read(row: Sequence[Any]) -> tuple[Sample, bool | None]:
        grade = row[correct]
        more = {name: kind(value) for name, kind, place in extras if (value := row[place]) is not None}
        if called is not None and row[called] is not None:
            more["calls"] = calls_of(json.loads(row[called]))
        sample = Sample(
            "" if text is None else row[text],
            row[answer],
            _ENDS[row[ending]],
            row[confidence],
            row[index],
            () if tokens is None or row[tokens] is None else unpack_array("i", row[tokens]),
            _trace({name: row[place] for name, place in traces}) if traces else _NO_TRACE,
            None if counts is None or prompt is None or row[prompt] is None else Usage(*counts(row)),
            None if error is None else row[error],
            row[given] or 0,
            **more,
        )
        return sample, None if grade is None else bool(grade)

    return read


def sample_hash(problem_id: str, row: Sequence[Any]) -> int:
    """Return the hash of a row of ``to_row``."""
    return row_hash("sample", (problem_id,), COLUMNS, row)


def to_problem(row: Sequence[Any]) -> Problem:
    """Return the problem of the columns ``PROBLEM_COLUMNS``."""
    problem_id, question, gold, task, accepted, chat = row
    problem = Problem(problem_id, question, gold, task, tuple(json.loads(accepted)) if accepted else ())
    return problem if chat is None else with_chat(problem, json.loads(chat))


def problem_row(problem: Problem) -> tuple[Any, ...]:
    """Return the values of the columns ``PROBLEM_COLUMNS``."""
    accepted = json.dumps(problem.accepted) if problem.accepted else None
    return problem.id, problem.question, problem.gold, problem.task, accepted, chat_text(problem)


def to_trace(row: Sequence[Any]) -> Trace:
    """Return the trace of a row of ``trace_row``."""
    return _trace(dict(zip(TRACE_ROW, row, strict=True)))


def _trace(of: Mapping[str, Any]) -> Trace:
    if all(of[name] is None for name in TRACE_SQL):
        return _NO_TRACE
    columns = {column.name: unpack(column, of[column.name]) for column in TRACE_COLUMNS}
    owners = of["owners"]
    whose = {} if owners is None else {owner: tuple(tokens) for owner, tokens in json.loads(owners).items()}
    return Trace(**columns, owners=whose)


def _dump_owners(trace: Trace) -> str | None:
    owners = {owner: [int(token) for token in tokens] for owner, tokens in trace.owners.items()}
    return json.dumps(owners) if owners else None
