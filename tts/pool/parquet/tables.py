"""Samples as Arrow tables, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tts.errors import InputError
from tts.pool.chats import calls_of, calls_text, chat_text
from tts.pool.parquet.schema import schema
from tts.pool.records import Entry
from tts.pool.stored import USAGE
from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, End, Sample, Trace, Usage

_NO_TRACE = Trace()
_ENDS = {str(end): end for end in End}


def to_table(entries: Sequence[Entry], *, scores: bool = True) -> Any:
    """Return the samples of questions as an Arrow table.

    Args:
        entries: the questions.
        scores: whether to keep the scores beside the samples.
    """
    import pyarrow as pa

    types = schema()
    chats = {id(entry): chat_text(entry.problem) for entry in entries}
    rows = [(e, s, c) for e in entries for s, c in zip(e.samples, e.correct, strict=True)]
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
        "accepted": [list(e.problem.accepted) or None for e, _, _ in rows],
        "calls": [calls_text(s.calls) for _, s, _ in rows],
        "chat": [chats[id(e)] for e, _, _ in rows],
    }
    if scores:
        columns["scores"] = [_plain_scores(e, i) for e in entries for i in range(len(e.samples))]
    return pa.table({f.name: pa.array(columns[f.name], f.type) for f in types if f.name in columns})


def samples_of(columns: Mapping[str, Any], ids: Sequence[str]) -> list[Sample]:
    """Return the samples of a table's columns.

    Args:
        columns: Arrow arrays of the types of :func:`tts.pool.parquet.schema.schema`, by name; of those that are absent
            samples have nothing.
        ids: the question of each row, for the sentences of errors.

    Raises:
        InputError: an end that is none, or a null within counts or lists.
    """
    count = len(ids)
    listed = {c.name: _lists(columns[c.name], ids) for c in COLUMNS if c.per == "token" and c.name in columns}
    watched = _watched(columns["watched"], ids) if "watched" in columns else [{}] * count
    owners = columns["owners"].to_pylist() if "owners" in columns else [None] * count
    single = {c.name: columns[c.name].to_pylist() for c in COLUMNS if c.per == "sample" and c.name in columns}
    tokens = _lists(columns["token_ids"], ids) if "token_ids" in columns else [()] * count
    usages = _usages(columns["usage"], ids) if "usage" in columns else [None] * count
    plain: dict[str, list[Any]] = {
        name: columns[name].to_pylist() if name in columns else [None] * count
        for name in ("text", "answer", "end", "confidence", "index", "error", "given", "calls")
    }
    extras = [(name, columns[name].to_pylist()) for name in SAMPLE_EXTRAS if name in columns]
    extras = [(name, values) for name, values in extras if any(value is not None for value in values)]
    found = []
    for i in range(count):
        if plain["end"][i] not in _ENDS:
            raise InputError(f"question {ids[i]!a}: end must be one of {', '.join(End)}, got {plain['end'][i]!a}")
        trace = _NO_TRACE
        filled = {name: values[i] for name, values in (*listed.items(), *single.items()) if values[i] not in ((), None)}
        if filled or watched[i]:
            trace = Trace(**filled, watched=watched[i], owners=_owners(owners[i], ids[i]))
        found.append(
            Sample(
                plain["text"][i] or "",
                plain["answer"][i],
                _ENDS[plain["end"][i]],
                plain["confidence"][i],
                plain["index"][i],
                tokens[i],
                trace,
                usages[i],
                plain["error"][i],
                plain["given"][i] or 0,
                **{name: values[i] for name, values in extras},
                calls=() if plain["calls"][i] is None else calls_of(from_json(plain["calls"][i], "calls", ids[i])),
            )
        )
    return found


def from_json(text: str, name: str, question: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        InputError: it is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"question {question!a}: {name} must be JSON, got {error}") from None


def _plain(column: Column, trace: Trace) -> Any:
    """Return a column of a trace as Arrow takes it."""
    value = getattr(trace, column.name)
    return list(value.items()) if column.per == "watched" else value


def _plain_scores(entry: Entry, position: int) -> list[tuple[str, dict[str, Any]]] | None:
    """Return the scores of one sample as Arrow takes them."""
    given = [(label, scores[position]) for label, scores in entry.scores.items()]
    return [(k, {"value": s.value, "read": s.read, "drawn": s.drawn}) for k, s in given if s is not None] or None


def _lists(column: Any, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return a column of lists as tuples, empty where null; much faster than Arrow's own conversion."""
    if not column.values.null_count:
        ends, there = column.offsets.to_pylist(), column.is_valid().to_pylist()
        base = ends[0] if ends else 0
        values = column.values[base : ends[-1] if ends else 0].to_numpy(zero_copy_only=False).tolist()
        return [
            tuple(values[a - base : b - base]) if ok else () for (a, b), ok in zip(pairwise(ends), there, strict=True)
        ]
    found = column.to_pylist()
    for at, value in enumerate(found):
        if value is not None and None in value:
            raise _has_null(ids[at])
    return [tuple(value or ()) for value in found]


def _watched(column: Any, ids: Sequence[str]) -> list[dict[int, tuple[float, ...]]]:
    """Return a column of watched tokens: the values of each token by its id."""
    ends, there = column.offsets.to_pylist(), column.is_valid().to_pylist()
    base, end = (ends[0], ends[-1]) if ends else (0, 0)
    tokens, inner = column.keys[base:end].to_pylist(), column.items[base:end]
    if inner.null_count or inner.values.null_count:
        for at, pairs in enumerate(column.to_pylist()):
            if any(values is None or None in values for _, values in pairs or ()):
                raise _has_null(ids[at])
    values = _lists(inner, [""] * len(inner))
    return [
        dict(zip(tokens[a - base : b - base], values[a - base : b - base], strict=True)) if ok and b > a else {}
        for (a, b), ok in zip(pairwise(ends), there, strict=True)
    ]


def _owners(pairs: list[tuple[str, list[int] | None]] | None, name: str) -> dict[str, tuple[int, ...]]:
    if any(tokens is None or None in tokens for _, tokens in pairs or ()):
        raise _has_null(name)
    return {owner: tuple(tokens or ()) for owner, tokens in pairs or ()}


def _usages(column: Any, ids: Sequence[str]) -> list[Usage | None]:
    there = column.is_valid().to_pylist()
    counts = [column.field(name).to_pylist() for name in USAGE]
    found: list[Usage | None] = []
    for at, (ok, *row) in enumerate(zip(there, *counts, strict=True)):
        if ok and None in row:
            given = dict(zip(USAGE, row, strict=True))
            raise InputError(f"question {ids[at]!a}: usage must have all six counts or be null, got {given}")
        found.append(Usage(*row) if ok else None)
    return found


def _has_null(name: str) -> InputError:
    return InputError(f"question {name!a}: token_ids, columns of the trace and owners must not hold nulls")
