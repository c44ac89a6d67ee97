"""Conversions of pools: what comes out is what went in, and a target is replaced only on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pool.cases import small_pool
from tts.errors import InputError
from tts.pool import export_pool, import_pool, load_pool, write_jsonl


def test_a_pool_comes_back_through_sqlite(tmp_path: Path) -> None:
    source, pool, back = tmp_path / "a.jsonl", tmp_path / "b.sqlite", tmp_path / "c.jsonl"
    write_jsonl(small_pool(), source)
    import_pool(source, pool)
    export_pool(pool, back)
    assert load_pool(back).entries == load_pool(source).entries


def test_an_existing_target_is_refused_without_force(tmp_path: Path) -> None:
    source, pool = tmp_path / "a.jsonl", tmp_path / "b.sqlite"
    write_jsonl(small_pool(), source)
    import_pool(source, pool)
    before = pool.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        import_pool(source, pool)
    assert pool.read_bytes() == before
    import_pool(source, pool, force=True)


def test_a_suffix_of_no_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must end in"):
        load_pool(tmp_path / "a.txt")
