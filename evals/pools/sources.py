"""Files with samples as rows or as one document: JSON, JSON Lines, Parquet, CSV, Inspect's archives and the hub."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from evals.pools.records import Anew
from evals.tasks.sources import GZIP, file_rows, hub_rows
from tts.errors import InputError, first_line
from tts.files import read_bytes

HUB = "hf://datasets/"
"""The start of the name of a data set on the hub: hf://datasets/OWNER/NAME, or hf://datasets/OWNER/NAME/CONFIG."""
Row = tuple[str, Any]
_PARQUET_ROWS = 256


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file as it is.

    Attributes:
        rows: the place and content of each row, read anew each time; empty for a document.
        document: the one object of a JSON file, or None.
    """

    rows: Iterable[Row]
    document: dict[str, Any] | None = None


def load(path: str, *, split: str = "test") -> Loaded:
    """Read a file, or a split of a data set on the hub.

    Args:
        path: the file, or ``hf://datasets/OWNER/NAME``.
        split: the split of a data set on the hub.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    if path.startswith(HUB):
        owner, _, rest = path.removeprefix(HUB).partition("/")
        name, _, config = rest.partition("/")
        if not name:
            raise InputError(f"{path}: expected {HUB}OWNER/NAME")
        instead = "or give a file of its rows"
        return Loaded(hub_rows(f"{owner}/{name}", config, split, user="the import", instead=instead))
    lower = path.lower()
    if lower.endswith(".parquet"):
        return Loaded(Anew(lambda: _parquet_rows(path)))
    if lower.endswith((".csv", ".tsv")):
        return Loaded(Anew(lambda: _csv_rows(path, "\t" if lower.endswith(".tsv") else ",")))
    if lower.endswith(".eval"):
        return Loaded((), read_archive(path))
    if lower.endswith((".json", ".json.gz")):
        document = _whole(path)
        if isinstance(document, dict):
            return Loaded((), document)
        if isinstance(document, list):
            return Loaded([(f"{path}, row {number}", row) for number, row in enumerate(document, 1)])
    return Loaded(Anew(lambda: _lines(path)))


def _lines(path: str) -> Iterator[Row]:
    for where, row in file_rows(path):
        if isinstance(row, InputError):
            raise row
        yield where, row


def _whole(path: str) -> Any:
    """Return the one JSON value of a file, or None where it holds several or none."""
    raw = read_bytes(path)
    try:
        return json.loads(gzip.decompress(raw) if raw[:2] == GZIP else raw)
    except (EOFError, OSError, zlib.error):
        raise InputError(f"{path}: is a damaged gzip file; make it again") from None
    except (ValueError, RecursionError):
        return None


def _parquet_rows(path: str) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(_PARQUET_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a valid Parquet file ({first_line(error)})") from None


def _csv_rows(path: str, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(1 << 30)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file, delimiter=delimiter), 1):
                yield f"{path}, row {number}", {key: _cell(value) for key, value in row.items() if key is not None}
    except UnicodeDecodeError:
        raise InputError(f"{path}: is no UTF-8 text; write it again as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _cell(value: Any) -> Any:
    """Return a cell of a table; one that holds a JSON list is that list, an empty one is None."""
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value or None


def read_archive(path: str) -> dict[str, Any]:
    """Return an Inspect log in its archive (.eval) as its JSON form has it.

    Raises:
        InputError: it is no such archive.
    """
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as archive:
            names = sorted(name for name in archive.namelist() if name.startswith("samples/"))
            header = "header.json" if "header.json" in archive.namelist() else "_journal/start.json"
            document: dict[str, Any] = json.loads(_member(archive, header))
            document["samples"] = [json.loads(_member(archive, name)) for name in names]
            return document
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, zlib.error, NotImplementedError) as error:
        raise InputError(f"{path}: no log of Inspect that can be read ({first_line(error)})") from None


def _member(archive: Any, name: str) -> bytes:
    """Return a file of an archive; zipfile itself knows Zstandard from Python 3.14 on."""
    import pyarrow as pa

    info = archive.getinfo(name)
    if info.compress_type != 93:
        found: bytes = archive.read(name)
        return found
    raw = archive.fp
    raw.seek(info.header_offset + 26)
    lengths = int.from_bytes(raw.read(2), "little") + int.from_bytes(raw.read(2), "little")
    raw.seek(info.header_offset + 30 + lengths)
    with pa.input_stream(io.BytesIO(raw.read(info.compress_size)), compression="zstd") as stream:
        data: bytes = stream.read()
    return data
