"""Rows of data sets, from files and from the hub."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from typing import Any

from tts.errors import InputError
from tts.files import open_bytes

GZIP = b"\x1f\x8b"
Rows = Iterator[tuple[str, Any]]
"""The place of each row, which opens sentences about it, and the row; an InputError stands for a line without JSON."""


def file_rows(path: str | os.PathLike[str]) -> Rows:
    """Yield the rows of a file: JSON Lines (.jsonl, .jsonl.gz), or one JSON list. Empty lines are skipped.

    Raises:
        InputError: no such file, or no text.
    """
    if str(path).lower().endswith((".json", ".json.gz")):
        text = "".join(_lines(path))
        if text.lstrip()[:1] == "[":
            yield from _list_rows(text, path)
            return
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                row = InputError(f"{where}: is no JSON ({error})")
            yield where, row


def _lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the lines of a text, packed or not, one at a time."""
    with open_bytes(path) as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        try:
            with gzip.GzipFile(fileobj=raw) if packed else nullcontext(raw) as file:
                for number, line in enumerate(file):
                    yield line.decode("utf-8" if number else "utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{path}: is no UTF-8 text; give a JSON Lines file") from None
        except (EOFError, OSError, zlib.error):
            what = "is a damaged gzip file; make it again" if packed else "cannot be read"
            raise InputError(f"{path}: {what}") from None


def _list_rows(text: str, path: str | os.PathLike[str]) -> Rows:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is no JSON ({error})") from None
    for number, row in enumerate(rows, 1):
        yield f"{path}, row {number}", row


def hub_rows(name: str, config: str, split: str, *, user: str, instead: str) -> Sequence[tuple[str, Any]]:
    """Return the rows of a split on the hub, through ``datasets``.

    Args:
        name: the data set.
        config: its configuration; empty for the only one.
        split: the split.
        user: the reader of the rows, which opens sentences.
        instead: the end of sentences, the way without the hub.

    Raises:
        InputError: ``datasets`` is not installed, or the hub cannot be read.
    """
    try:
        datasets: Any = import_module("datasets")
    except ModuleNotFoundError:
        raise InputError(
            f"{user} reads {name} from the hub and needs datasets: pip install 'tts-rerank[hub]', {instead}"
        ) from None
    try:
        named = (name, config) if config else (name,)
        records = [dict(row) for row in datasets.load_dataset(*named, split=split)]
    except Exception as error:  # a network and a cache fail in many ways
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{name} cannot be read from the hub ({reason}): try again, {instead}") from None
    return [(f"{name}, {split} row {number}", record) for number, record in enumerate(records)]
