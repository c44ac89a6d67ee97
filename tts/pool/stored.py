"""The stored form of samples: types that every file format derives from the tables of :mod:`tts.types`."""

from __future__ import annotations

import struct
from typing import Any

from tts.types import COLUMNS, SAMPLE_EXTRAS, Column, Usage

_SQL_KINDS = {float: "REAL", str: "TEXT", bool: "INTEGER", int: "INTEGER"}

USAGE = Usage.__slots__
"""The token counts of a sample, in the order in which every format has them."""

EXTRA_SQL = {name: _SQL_KINDS[kind] for name, kind in SAMPLE_EXTRAS.items()}
"""The SQLite column type of each optional field of a sample, by its name."""

TRACE_SQL = {column.name: "REAL" if column.per == "sample" else "BLOB" for column in COLUMNS}
"""The SQLite column type of each column of a trace, by its name."""


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
