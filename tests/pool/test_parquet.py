"""Parquet pools: nothing is lost, and what is no pool is named."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from tests.pool.cases import pools, small_pool
from tests.support.examples import examples
from tts.errors import InputError
from tts.pool import Pool, read_parquet, write_parquet


@settings(max_examples=examples(60), deadline=None)
@given(pools())
def test_every_field_of_every_sample_comes_back(pool: Pool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.parquet"
        write_parquet(pool, path)
        again = read_parquet(path)
        assert again.entries == pool.entries
        assert again.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert pq.read_metadata(path).num_rows == sum(len(entry.samples) for entry in pool.entries)


def test_a_file_from_before_a_signal_was_known_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_parquet(small_pool(), path)
    pq.write_table(pq.read_table(path).drop_columns(["top", "entropy", "certainty", "steps", "probe"]), path)
    assert read_parquet(path).entries == small_pool().entries


def column(name: str, values: list[Any], kind: Any = None) -> Any:
    """A change to the table of ``small_pool``, which has four rows."""
    return lambda table: table.set_column(table.column_names.index(name), name, pa.array(values, kind))


COUNTS = pa.struct([("prompt", pa.int64()), ("delivered", pa.int64())])
CHANGES = [
    (lambda table: table.drop_columns(["answer"]), "column 'answer' is missing; it has id, question, gold"),
    (column("text", ["", None, "", ""]), "column 'text' must have a value in every row"),
    (column("index", ["a"] * 4), "column 'index' must be int64, got string"),
    (column("usage", [1] * 4), "column 'usage' must be struct<.*>, got int64"),
    (
        column("confidence", [float("nan")] * 4),
        r"question 'q1': samples\[0\].confidence must be a finite number",
    ),
    (column("index", [0, 1, 1, 0]), r"question 'q1': samples\[2\].index must be greater than the one before, got 1"),
    (column("end", ["later"] * 4), "question 'q1': end must be one of stop, length, .*, got 'later'"),
    (column("correct", [True] * 4), r"question 'q1': samples\[1\].correct must not be true where no answer"),
    (
        column("logprobs", [[None]] * 4, pa.list_(pa.float64())),
        "token_ids, columns of the trace and owners must not hold nulls",
    ),
    (column("steps", [[True, None]] * 4, pa.list_(pa.bool_())), "must not hold nulls"),
    (
        column("probe", [float("inf")] * 4),
        r"question 'q1': samples\[0\].probe must be a finite number or None, got inf",
    ),
    (lambda table: table.take([0, 3, 1]), "two questions have the id 'q1'; ids must be distinct"),
    (lambda table: table.slice(0, 0), "holds no questions; a pool needs at least one"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=range(len(CHANGES)))
def test_what_is_no_pool_is_one_sentence(tmp_path: Path, change: Any, sentence: str) -> None:
    path = tmp_path / "p.parquet"
    write_parquet(small_pool(), path)
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(InputError, match=rf"p\.parquet: .*{sentence}") as error:
        read_parquet(path)
    assert "\n" not in str(error.value)


def test_damaged_missing_and_misnamed_files(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    with pytest.raises(InputError, match=r"p\.parquet: no such file"):
        read_parquet(path)
    write_parquet(small_pool(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"p\.parquet: not a valid Parquet file \(.*\)"):
        read_parquet(path)
    for call in (lambda: read_parquet(tmp_path / "p.pq"), lambda: write_parquet(small_pool(), tmp_path / "p.pq")):
        with pytest.raises(InputError, match=r"p\.pq: the file name must end in \.parquet$"):
            call()
