"""The tables of a pool file, and the check that a file is one.

``user_version`` is the version of the tables, ``application_id`` marks the file as a pool and not another
program's SQLite file. Older files lack columns of :data:`tts.pool.sqlite.rows.SQL`: version 2 ``steps`` and ``probe``,
version 3 ``given``, version 4 ``owners``, version 5 ``openings.draws``, and every version the signals and fields that
came later. A reader sees the missing columns as NULL throughout; the first writer adds them.
"""

from __future__ import annotations

import sqlite3

from tts.errors import InputError
from tts.pool.sqlite.rows import COLUMNS, SQL

VERSION = 6
OLDEST = 2
APPLICATION = 0x7474_7370

_SAMPLES = ", ".join(f"{name} {kind}" for name, kind in SQL.items())
_TABLES = f"""
CREATE TABLE problems (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, question TEXT NOT NULL, gold TEXT, task TEXT NOT NULL,
    meta TEXT NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL, prompt_template TEXT NOT NULL,
    sampling TEXT NOT NULL, UNIQUE (model, revision, prompt_template, sampling)
);
CREATE TABLE openings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, opened TEXT NOT NULL, config TEXT NOT NULL,
    versions TEXT NOT NULL, draws TEXT
);
CREATE TABLE samples (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, {_SAMPLES},
    UNIQUE (run, problem, idx)
);
"""

ADD_SAMPLE = f"INSERT INTO samples (run, problem, {', '.join(COLUMNS)}) VALUES (?, ?, {', '.join('?' * len(COLUMNS))})"
READ_SAMPLE = (
    f"SELECT {', '.join(COLUMNS)} FROM samples WHERE run = ? "
    "AND problem = (SELECT number FROM problems WHERE id = ?) AND idx = ?"
)
READ_SAMPLES = f"SELECT problem, {', '.join(COLUMNS)} FROM samples WHERE run = ? ORDER BY problem, idx"


def check(connection: sqlite3.Connection, path: str, *, new: bool = False) -> int:
    """See that an open file is a pool of a version this program reads, without changing it.

    Args:
        connection: the open file.
        path: its name, for the error's sentence.
        new: whether a file without any table will do, because it is about to be made a pool.

    Returns:
        The version of its tables, 0 for a file without any.

    Raises:
        InputError: where it is no SQLite file, no pool, or a pool of another version.
    """
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: cannot be opened ({error})") from None
    except sqlite3.DatabaseError:
        raise InputError(
            f"{path}: not a SQLite file, or a damaged one; other formats are imported by `tts pool import`"
        ) from None
    if not tables and new:
        return 0
    if not tables or application != APPLICATION:
        raise InputError(f"{path}: a SQLite file, but not a pool")
    if not OLDEST <= version <= VERSION:
        raise InputError(f"{path}: a pool of version {version}, but this program reads versions {OLDEST} to {VERSION}")
    return int(version)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in one transaction: a crash leaves all of them or none."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def missing(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the columns that an open pool's table of samples does not have yet, with their types."""
    there = {name for _, name, *_ in connection.execute("PRAGMA main.table_info(samples)")}
    return {name: kind for name, kind in SQL.items() if name not in there}


def migrate(connection: sqlite3.Connection) -> None:
    """Add the missing columns in one transaction: a crash leaves all or none."""
    connection.execute("BEGIN IMMEDIATE")
    for column, kind in missing(connection).items():
        connection.execute(f"ALTER TABLE samples ADD COLUMN {column} {kind}")
    if not _counts_draws(connection):
        connection.execute("ALTER TABLE openings ADD COLUMN draws TEXT")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def widen(connection: sqlite3.Connection) -> None:
    """Show the missing columns to a reader as NULL; the file stays as it is."""
    absent = ", ".join(f"NULL AS {column}" for column in missing(connection))
    if absent:
        connection.execute(f"CREATE TEMP VIEW samples AS SELECT *, {absent} FROM main.samples")
    if not _counts_draws(connection):
        connection.execute("CREATE TEMP VIEW openings AS SELECT *, NULL AS draws FROM main.openings")


def _counts_draws(connection: sqlite3.Connection) -> bool:
    return any(name == "draws" for _, name, *_ in connection.execute("PRAGMA main.table_info(openings)"))
