"""The stored form of samples: names and types that every file format derives from the tables of :mod:`tts.types`.

Files that are already drawn fix the names: where a field was renamed since, its stored name stays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, Trace, Usage

USAGE = {field: "kept" if field == "delivered" else field for field in Usage.__slots__}
"""The stored name of each token count, by the field of ``Usage``."""

EXTRA_SQL = {name: "REAL" if kind is float else "TEXT" for name, kind in SAMPLE_EXTRAS.items()}
"""The SQLite column type of each optional field of a sample, by its name."""

TRACE_SQL = {column.name: "REAL" if column.per == "sample" else "BLOB" for column in COLUMNS}
"""The SQLite column type of each column of a trace, by its name."""

_VALUES = 11
_OWNER = "finece"


def assumed_owners(watched: Iterable[int]) -> Mapping[str, tuple[int, ...]]:
    """Return the owners of watched tokens that a file without owners means.

    Pools drawn before traces had owners do not store them; there, eleven watched tokens are FineCE's value tokens.
    """
    tokens = tuple(watched)
    return {_OWNER: tokens} if len(tokens) == _VALUES else {}


def stored_owners(trace: Trace) -> Mapping[str, tuple[int, ...]] | None:
    """Return the owners to store with a trace; None where a reader assumes the same."""
    return None if trace.owners == assumed_owners(trace.watched) else trace.owners


def pack(column: Column, value: Any) -> bytes | float | None:
    """Return a column of a trace as SQLite holds it: arrays as little-endian blobs, None where empty.

    Floats are float64, booleans one byte each. Watched tokens are one blob of records, each the token id (int32), the
    number of values (int32) and the values.
    """
    if column.per == "sample":
        return None if value is None else float(value)
    if column.per == "watched":
        records = (struct.pack(f"<ii{len(values)}d", token, len(values), *values) for token, values in value.items())
        return b"".join(records) or None
    return pack_array(_CODES[column.kind], value)


def unpack(column: Column, stored: Any) -> Any:
    """Return a column of a trace from what SQLite holds."""
    if column.per == "sample":
        return stored
    if column.per == "watched":
        return _watched(stored or b"")
    return unpack_array(_CODES[column.kind], stored)


_CODES: dict[type, str] = {float: "d", bool: "?"}


def pack_array(code: str, values: tuple[Any, ...]) -> bytes | None:
    """Return numbers as a little-endian blob, None where there are none; ``code`` is that of :mod:`struct`."""
    return struct.pack(f"<{len(values)}{code}", *values) if values else None


def unpack_array(code: str, blob: bytes | None) -> tuple[Any, ...]:
    """Return the numbers of a blob of :func:`pack_array`."""
    return () if blob is None else struct.unpack(f"<{len(blob) // struct.calcsize(f'<{code}')}{code}", blob)


def _watched(blob: bytes) -> dict[int, tuple[float, ...]]:
    found: dict[int, tuple[float, ...]] = {}
    at = 0
    while at < len(blob):
        token, count = struct.unpack_from("<ii", blob, at)
        found[token] = struct.unpack_from(f"<{count}d", blob, at + 8)
        at += 8 + 8 * count
    return found
