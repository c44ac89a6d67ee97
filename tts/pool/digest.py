"""The digest of a run: a sum of one hash a row, so that it is kept while rows are written, in any order.

Each sample, and each score beside one, adds the SHA-256 of its own fields to the sum, modulo 2^256; what is changed is
subtracted first. It names the content of a pool and finds two that differ; it is no defence against an adversary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

NOTHING = "0" * 64
"""The digest of a run without samples."""
_MODULUS = 1 << 256


def row_hash(kind: str, key: tuple[Any, ...], names: Iterable[str], values: Iterable[Any]) -> int:
    """Return the hash of one row.

    Args:
        kind: "sample" or "score".
        key: what names the row, such as the id of its question.
        names: of the fields.
        values: numbers, texts, bytes or None, which counts as no field.
    """
    # SQLite keeps no negative zero.
    fields = [
        (name, value + 0.0 if value.__class__ is float else value)
        for name, value in zip(names, values, strict=True)
        if value is not None
    ]
    return int.from_bytes(hashlib.sha256(ascii((kind, key, fields)).encode("ascii")).digest(), "big")


def changed(digest: str, difference: int) -> str:
    """Return a digest after hashes were added to it, or subtracted from it.

    Args:
        digest: 64 hexadecimal digits.
        difference: the sum of the hashes added, minus those subtracted.
    """
    return f"{(int(digest, 16) + difference) % _MODULUS:064x}"


def content_hash(runs: Iterable[str], problems: Iterable[tuple[Any, ...]]) -> str:
    """Return the hash of a pool.

    Args:
        runs: the digests of its runs.
        problems: the columns of its questions, in order.
    """
    found = hashlib.sha256("".join(runs).encode())
    for row in problems:
        found.update(ascii(row).encode("ascii"))
    return found.hexdigest()
