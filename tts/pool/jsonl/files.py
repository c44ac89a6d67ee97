"""Pools as JSON Lines, plain or gzipped: the format pools are shared in. ``tts.pool.jsonl.line`` documents a line."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterable
from pathlib import Path

from tts.errors import InputError
from tts.files import atomic_path, read_bytes
from tts.pool.files import pool_format
from tts.pool.jsonl.line import dump_line, parse_line
from tts.pool.records import Entry, Pool
from tts.progress.phases import tracked


def read_jsonl(path: str | os.PathLike[str]) -> Pool:
    """Read a pool from a .jsonl or .jsonl.gz file, UTF-8, one question a line; blank lines are skipped.

    Confidence must be there on every sample with an answer of the whole file, or on none of them.

    Raises:
        InputError: for a missing, empty, truncated or otherwise damaged file, and for every line that is not what
            ``tts.pool.jsonl.line`` describes: one sentence with the line number and the key.
    """
    pool_format(path, "jsonl")
    data = read_bytes(path)
    entries: list[Entry] = []
    lines: list[int] = []
    first: dict[str, int] = {}
    rows = _text(path, data).split(b"\n")
    for number, raw in enumerate(tracked(rows, "reading", "read", len(rows)), start=1):
        if not raw.strip():
            continue
        where = f"{path}, line {number}"
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: not valid UTF-8 at byte {error.start + 1}") from None
        entry = parse_line(line, where)
        if (earlier := first.setdefault(entry.problem.id, number)) != number:
            raise InputError(f"{where}: key 'id' must be unique, got {entry.problem.id!a} as on line {earlier}")
        entries.append(entry)
        lines.append(number)
    if not entries:
        raise InputError(f"{path}: the file is empty; a pool needs at least one line")
    if gap := _confidence_gap(entries):
        (scored, unscored, position) = gap
        raise InputError(
            f"{path}, line {lines[unscored]}: key 'samples[{position}].confidence' is missing but line {lines[scored]} "
            "has one; give it on every sample with an answer, or on none"
        )
    return Pool(str(path), hashlib.sha256(data).hexdigest(), tuple(entries))


def write_jsonl(pool: Pool, path: str | os.PathLike[str]) -> None:
    """Write a pool to a .jsonl or .jsonl.gz file, whole or not at all; equal pools give equal bytes.

    ``read_jsonl`` gives back the same entries. An existing file is replaced.

    Raises:
        InputError: for another suffix, a place that cannot be written, or a pool in which some answers have a
            confidence and others do not, which ``read_jsonl`` would refuse.
    """
    pool_format(path, "jsonl")
    if gap := _confidence_gap(pool.entries):
        question = pool.entries[gap[1]].problem.id
        raise InputError(
            f"cannot write {path}: question {question!a} has an answer without a confidence while others have one; "
            "JSON Lines pools have it on every answer or on none, so write .parquet instead"
        )
    written = tracked(pool.entries, "writing", "store", pool.questions)
    lines = (dump_line(entry).encode() + b"\n" for entry in written)
    with atomic_path(path) as temp, temp.open("wb") as file:
        if temp.suffix.lower() == ".gz":
            # No name and no time in the header: equal pools are equal files.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
                packed.writelines(lines)
        else:
            file.writelines(lines)


def _text(path: str | os.PathLike[str], data: bytes) -> bytes:
    if Path(path).suffix.lower() != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except EOFError:
        raise InputError(f"{path}: the gzip file is truncated; copy or download it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: not a valid gzip file ({error})") from None


def _confidence_gap(entries: Iterable[Entry]) -> tuple[int, int, int] | None:
    """Find an entry with a scored answer, and an entry and position with an unscored one, where there are both."""
    scored: int | None = None
    unscored: tuple[int, int] | None = None
    for number, entry in enumerate(entries):
        for position, sample in enumerate(entry.samples):
            if sample.answer is None:
                continue
            if sample.confidence is not None:
                scored = number if scored is None else scored
            elif unscored is None:
                unscored = number, position
        if scored is not None and unscored is not None:
            return scored, *unscored
    return None
