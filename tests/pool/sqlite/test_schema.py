"""Tables of a pool file: made whole, checked before use, and widened by a missing column."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tts.errors import InputError
from tts.pool.sqlite import schema


def test_new_tables_lack_nothing_and_are_known_by_their_version(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "p.sqlite", isolation_level=None)) as connection:
        schema.create(connection)
        assert schema.missing(connection) == {}
        assert schema.check(connection, "p.sqlite") == schema.VERSION


def test_a_missing_column_is_added(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "p.sqlite", isolation_level=None)) as connection:
        schema.create(connection)
        connection.execute("ALTER TABLE samples DROP COLUMN owners")
        connection.execute("ALTER TABLE problems DROP COLUMN chat")
        assert schema.missing(connection) == {"samples": {"owners": "TEXT"}, "problems": {"chat": "TEXT"}}
        schema.add_missing(connection)
        assert schema.missing(connection) == {}


def test_another_program_s_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "p.sqlite", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        with pytest.raises(InputError, match=r"p\.sqlite"):
            schema.check(connection, "p.sqlite")
