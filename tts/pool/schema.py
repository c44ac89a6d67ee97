"""The tables of a pool file, and the check that a file is one.

``user_version`` is the version of the tables, ``application_id`` says that the file is a pool and not another
program's SQLite file. Version 2 lacks the columns ``steps`` and ``probe``, version 3 the column ``given``, version 4
the column ``owners``. A reader sees the missing columns as NULL throughout; the first writer adds them.
"""

from __future__ import annotations

import sqlite3

from tts.errors import InputError
from tts.pool.rows import COLUMNS

VERSION = 5
OLDEST = 2
_LACKS = {
    2: {"steps": "BLOB", "probe": "REAL", "given": "INTEGER", "owners": "TEXT"},
    3: {"given": "INTEGER", "owners": "TEXT"},
    4: {"owners": "TEXT"},
}
"""The columns that tables of an older version have not, with their types."""
APPLICATION = 0x7474_7370

_TABLES = """
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
    versions TEXT NOT NULL
);
CREATE TABLE samples (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, idx INTEGER NOT NULL,
    correct INTEGER, text TEXT NOT NULL, answer TEXT, ending TEXT NOT NULL, confidence REAL, token_ids BLOB,
    logprobs BLOB, watched BLOB, top BLOB, entropy BLOB, certainty BLOB, steps BLOB, probe REAL, owners TEXT,
    prompt INTEGER, prompt_cached INTEGER, kept INTEGER, aborted INTEGER,
    scorer_prefill INTEGER, scorer_decode INTEGER, error TEXT, given INTEGER, UNIQUE (run, problem, idx)
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
        raise InputError(f"{path}: not a SQLite file; import JSON Lines or Parquet with import_pool") from None
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


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Give a pool of an older version the columns of this one in one transaction: a crash leaves all or none."""
    connection.execute("BEGIN IMMEDIATE")
    for column, kind in _LACKS[version].items():
        connection.execute(f"ALTER TABLE samples ADD COLUMN {column} {kind}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def widen(connection: sqlite3.Connection, version: int) -> None:
    """Let a reader of a pool of an older version see the columns of this one; the file is left as it is."""
    missing = ", ".join(f"NULL AS {column}" for column in _LACKS[version])
    connection.execute(f"CREATE TEMP VIEW samples AS SELECT *, {missing} FROM main.samples")
