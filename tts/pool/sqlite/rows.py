"""A Sample as a row of SQLite, and back, without loss.

Scalars have a column each; the columns of a trace and the optional fields of a sample follow the tables of
:mod:`tts.types`, in the form of ``tts.pool.stored``. Token ids are a blob of int32, NULL where empty. Owners of watched
tokens are JSON, NULL where there are none. Token counts are all NULL where the source keeps none, ``given`` where it is
0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tts.pool.records import Entry, Score
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
}
"""The type of each column of a sample, by its name."""

COLUMNS = tuple(SQL)
_NO_TRACE = Trace()
_BARE = (None,) * (len(TRACE_COLUMNS) + 1)
_UNCOUNTED = (None,) * len(USAGE)


def trace_row(trace: Trace) -> tuple[Any, ...]:
    """Return the values of the columns of a trace, its owners last."""
    return (*(pack(column, getattr(trace, column.name)) for column in TRACE_COLUMNS), _dump_owners(trace))


def to_row(sample: Sample, correct: bool | None) -> tuple[Any, ...]:
    """Return the values of ``COLUMNS``; plain Python numbers, since SQLite would keep numpy's as blobs."""
    trace, usage = sample.trace, sample.usage
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
        *(None if (value := getattr(sample, name)) is None else kind(value) for name, kind in SAMPLE_EXTRAS.items()),
    )


def from_row(row: tuple[Any, ...]) -> tuple[Sample, bool | None]:
    """Return the sample and the grade of a row of ``to_row``."""
    of = dict(zip(COLUMNS, row, strict=True))
    correct = of["correct"]
    counts = {name: of[name] for name in USAGE}
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
        **{name: None if of[name] is None else kind(of[name]) for name, kind in SAMPLE_EXTRAS.items()},
    )
    return sample, None if correct is None else bool(correct)


def to_problem(row: Sequence[Any]) -> Problem:
    """Return the problem of the columns (id, question, gold, task, accepted)."""
    problem_id, question, gold, task, accepted = row
    return Problem(problem_id, question, gold, task, tuple(json.loads(accepted)) if accepted else ())


def problem_row(problem: Problem) -> tuple[Any, ...]:
    """Return the values of the columns (id, question, gold, task, accepted)."""
    accepted = json.dumps(problem.accepted) if problem.accepted else None
    return problem.id, problem.question, problem.gold, problem.task, accepted


def to_entries(
    problems: list[tuple[Any, ...]],
    rows: list[tuple[Any, ...]],
    meta: Mapping[str, str],
    scores: Mapping[str, Mapping[tuple[int, int], Score]],
) -> tuple[Entry, ...]:
    """Questions with their samples.

    Args:
        problems: (number, id, question, gold, task, accepted, meta as JSON), in the order wanted.
        rows: (number of the question, then the values of ``COLUMNS``); questions without any are left out.
        meta: what to add to every question's own strings.
        scores: by the label of their scorer, then by the number of the question and the index of the sample.
    """
    graded: dict[int, list[tuple[Sample, bool | None]]] = {}
    for number, *row in rows:
        graded.setdefault(number, []).append(from_row(tuple(row)))
    return tuple(
        Entry(
            to_problem(columns),
            tuple(sample for sample, _ in graded[number]),
            tuple(correct for _, correct in graded[number]),
            {**json.loads(own), **meta},
            _scores_of(number, [sample for sample, _ in graded[number]], scores),
        )
        for number, *columns, own in problems
        if number in graded
    )


def _scores_of(
    number: int, samples: Sequence[Sample], scores: Mapping[str, Mapping[tuple[int, int], Score]]
) -> dict[str, tuple[Score | None, ...]]:
    """The scores of one question's samples by label, of the scorers that judged any of them."""
    found = {label: tuple(of.get((number, sample.index)) for sample in samples) for label, of in scores.items()}
    return {label: of for label, of in found.items() if any(score is not None for score in of)}


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
