"""A Sample as a row of SQLite, and back, without loss.

Scalars have a column each. Arrays are little-endian blobs without a header, NULL where empty: token ids int32, log-
probabilities, top-k confidences, entropies and self-certainties float64, ends of steps one byte each. Watched tokens
are one blob of records, each the token id (int32), the number of values (int32) and the values (float64); their owners
are JSON, NULL where ``tts.pool.stored.assumed_owners`` says the same. Token counts are all NULL where the source keeps
none, ``given`` where it is 0.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from tts.pool.records import Entry
from tts.pool.stored import USAGE, assumed_owners, stored_owners
from tts.types import End, Problem, Sample, Trace, Usage

COLUMNS = (
    "idx",
    "correct",
    "text",
    "answer",
    "ending",
    "confidence",
    "token_ids",
    "logprobs",
    "watched",
    "top",
    "entropy",
    "certainty",
    "steps",
    "probe",
    "owners",
    *USAGE.values(),
    "error",
    "given",
)
Blob = bytes | None
_NO_TRACE = Trace()
_NO_USAGE = (None,) * 6


def to_row(sample: Sample, correct: bool | None) -> tuple[Any, ...]:
    """The values of ``COLUMNS``; plain Python numbers, since SQLite would keep numpy's as blobs."""
    usage = sample.usage
    return (
        int(sample.index),
        None if correct is None else int(bool(correct)),
        sample.text,
        sample.answer,
        str(sample.end),
        None if sample.confidence is None else float(sample.confidence),
        _pack("i", sample.token_ids),
        _pack("d", sample.trace.logprobs),
        b"".join(
            struct.pack(f"<ii{len(values)}d", token, len(values), *values)
            for token, values in sample.trace.watched.items()
        )
        or None,
        _pack("d", sample.trace.top),
        _pack("d", sample.trace.entropy),
        _pack("d", sample.trace.certainty),
        _pack("?", sample.trace.steps),
        None if sample.trace.probe is None else float(sample.trace.probe),
        None
        if (owners := stored_owners(sample.trace)) is None
        else json.dumps({o: list(map(int, t)) for o, t in owners.items()}),
        *(_NO_USAGE if usage is None else (int(getattr(usage, name)) for name in Usage.__slots__)),
        sample.error,
        int(sample.given) or None,
    )


def from_row(row: tuple[Any, ...]) -> tuple[Sample, bool | None]:
    """The sample and its grade that ``to_row`` was given."""
    index, correct, text, answer, ending, confidence, ids, logprobs, watched, *rest = row
    top, entropy, certainty, steps, probe, owners, *usage, error, given = rest
    plain = all(signal is None for signal in (logprobs, watched, top, entropy, certainty, steps, probe))
    trace = _NO_TRACE if plain else _trace(logprobs, watched, top, entropy, certainty, steps, probe, owners)
    return (
        Sample(
            text,
            answer,
            End(ending),
            confidence,
            index,
            _unpack("i", ids),
            trace,
            None if usage[0] is None else Usage(*usage),
            error,
            given or 0,
        ),
        None if correct is None else bool(correct),
    )


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


def _pack(code: str, values: tuple[Any, ...]) -> bytes | None:
    return struct.pack(f"<{len(values)}{code}", *values) if values else None


def _unpack(code: str, blob: bytes | None) -> tuple[Any, ...]:
    return () if blob is None else struct.unpack(f"<{len(blob) // struct.calcsize(f'<{code}')}{code}", blob)


def _trace(
    logprobs: Blob,
    watched: Blob,
    top: Blob,
    entropy: Blob,
    certainty: Blob,
    steps: Blob,
    probe: Any,
    owners: str | None,
) -> Trace:
    seen = _watched(watched or b"")
    return Trace(
        _unpack("d", logprobs),
        seen,
        _unpack("d", top),
        _unpack("d", entropy),
        _unpack("d", certainty),
        _unpack("?", steps),
        probe,
        owners=assumed_owners(seen) if owners is None else {o: tuple(t) for o, t in json.loads(owners).items()},
    )


def _dump_owners(trace: Trace) -> str | None:
    owners = stored_owners(trace)
    return None if owners is None else json.dumps({owner: [int(t) for t in tokens] for owner, tokens in owners.items()})


def _watched(blob: bytes) -> dict[int, tuple[float, ...]]:
    found: dict[int, tuple[float, ...]] = {}
    at = 0
    while at < len(blob):
        token, count = struct.unpack_from("<ii", blob, at)
        found[token] = struct.unpack_from(f"<{count}d", blob, at + 8)
        at += 8 + 8 * count
    return found
