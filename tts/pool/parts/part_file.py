"""One part of a pool: a Parquet file with a pool's columns and ``run``, the number of the run, in front.

Rows are ordered by run, question and index. A row group holds whole questions of a run. There are no scores: they stay
in ``live.sqlite``, since scorers come later. pandas, DuckDB and pyarrow read a part as any Parquet file.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tts.errors import InputError, first_line
from tts.pool.entries import Fields
from tts.pool.parquet.schema import columns_of, schema
from tts.pool.parquet.tables import samples_of, to_table
from tts.pool.records import Entry
from tts.types import Sample

Graded = list[tuple[Sample, bool | None]]
_KEPT = 4


def write_part(path: Path, groups: Iterable[tuple[int, Sequence[Entry]]]) -> int:
    """Write a part beside its place, sync it, and rename it; return its length in bytes.

    Args:
        path: its place.
        groups: a run's number and questions, one row group each.

    Raises:
        InputError: it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    temp = path.with_name(f".tmp-{path.name}")
    plain = schema().remove(schema().get_field_index("scores"))
    shape = plain.insert(0, pa.field("run", pa.int32(), nullable=False))
    try:
        with pq.ParquetWriter(temp, shape, compression="zstd", compression_level=3) as writer:
            for run, entries in groups:
                table = to_table(entries, scores=False)
                runs = pa.array([run] * table.num_rows, pa.int32())
                whole = table.add_column(0, "run", runs).select(shape.names).cast(shape)
                writer.write_table(whole, row_group_size=whole.num_rows)
        with temp.open("rb") as written:
            os.fsync(written.fileno())
            length = os.fstat(written.fileno()).st_size
        temp.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temp.unlink(missing_ok=True)
    return length


class PartFiles:
    """The open parts of a pool, with the row groups that were read last."""

    def __init__(self, folder: Path) -> None:
        """Read the parts of a folder."""
        self._folder = folder
        self._files: OrderedDict[str, Any] = OrderedDict()
        self._groups: OrderedDict[tuple[str, int, tuple[str, ...]], Any] = OrderedDict()

    def group(self, file: str, place: int, columns: tuple[str, ...]) -> Any:
        """Return some columns of a row group as an Arrow record batch.

        Raises:
            InputError: the file is missing or damaged.
        """
        import pyarrow as pa

        key = file, place, columns
        if key not in self._groups:
            try:
                table = self._file(file).read_row_group(place, columns=list(columns), use_threads=False)
            except (pa.ArrowException, OSError) as error:
                raise InputError(f"{self._folder / file}: cannot be read ({first_line(error)})") from None
            self._groups[key] = table.combine_chunks().to_batches()[0]
            if len(self._groups) > _KEPT:
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]

    def samples(self, file: str, place: int, first: int, last: int, fields: frozenset[Fields]) -> Graded:
        """Return the samples of the rows from ``first`` to before ``last`` of a row group, with their grades."""
        batch = self.group(file, place, ("id", *columns_of(fields)))[first:last]
        columns = {name: batch.column(name) for name in batch.schema.names}
        found = samples_of(columns, columns["id"].to_pylist())
        return list(zip(found, columns["correct"].to_pylist(), strict=True))

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
        self._groups.clear()

    def _file(self, file: str) -> Any:
        import pyarrow.parquet as pq

        if file not in self._files:
            self._files[file] = pq.ParquetFile(self._folder / file, memory_map=True)
            if len(self._files) > _KEPT:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(file)
        return self._files[file]
