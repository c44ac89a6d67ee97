"""Connections to a pool file: one writer, any number of readers, and one plain file after the writer has closed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tts.errors import PoolLockedError
from tts.pool.sqlite.connect import close_writer, open_reader, open_writer, write_lock


def test_a_second_writer_is_refused_at_once(tmp_path: Path) -> None:
    lock = write_lock(tmp_path / "p.sqlite")
    try:
        with pytest.raises(PoolLockedError):
            write_lock(tmp_path / "p.sqlite")
    finally:
        lock.release()
    write_lock(tmp_path / "p.sqlite").release()


def test_a_closed_writer_leaves_one_file_that_readers_cannot_change(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    writer = open_writer(path)
    assert writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    close_writer(writer)
    assert [name.name for name in tmp_path.iterdir()] == ["p.sqlite"]
    reader = open_reader(path)
    with pytest.raises(sqlite3.OperationalError):
        reader.execute("DELETE FROM samples")
    reader.close()
