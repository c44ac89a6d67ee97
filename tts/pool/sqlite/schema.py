"""The tables of a pool file, and the check that a file is one.

``user_version`` is the version of the tables, ``application_id`` marks the file as a pool and not another
program's SQLite file. Files of an older version are read by ``tts pool upgrade`` only, see
:mod:`tts.pool.sqlite.upgrade`. A file of this version may lack columns of signals and optional fields that came later:
a reader sees them as NULL throughout, and the first writer adds them, as it does the table of decisions.
"""

from __future__ import annotations

import sqlite3

from tts.errors import InputError
from tts.pool.digest import NOTHING
from tts.pool.rows import COLUMNS, SQL
from tts.pool.sqlite.decisions import DECISIONS, has_decisions
from tts.pool.stored import TRACE_SQL

VERSION = 8
APPLICATION = 0x7474_7370

_SAMPLES = ", ".join(f"{name} {kind}" for name, kind in SQL.items())
_TRACES = ", ".join(f"{name} {kind}" for name, kind in {**TRACE_SQL, "owners": "TEXT"}.items())
PROBLEMS = """
CREATE TABLE problems (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, question TEXT NOT NULL, gold TEXT, task TEXT NOT NULL,
    accepted TEXT, meta TEXT NOT NULL, chat TEXT
)"""
RUNS = f"""
CREATE TABLE runs (
    id INTEGER PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL, prompt_template TEXT NOT NULL,
    sampling TEXT NOT NULL, signals TEXT NOT NULL, reading TEXT NOT NULL, samples INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL DEFAULT '{NOTHING}',
    UNIQUE (model, revision, prompt_template, sampling)
)"""
SCORERS = "CREATE TABLE scorers (id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE)"
SCORES = """
CREATE TABLE scores (
    run INTEGER NOT NULL REFERENCES runs, scorer INTEGER NOT NULL REFERENCES scorers,
    problem INTEGER NOT NULL REFERENCES problems, idx INTEGER NOT NULL,
    value REAL NOT NULL, read INTEGER NOT NULL, drawn INTEGER NOT NULL, PRIMARY KEY (run, scorer, problem, idx)
) WITHOUT ROWID"""
OPENINGS = """
CREATE TABLE openings (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, opened TEXT NOT NULL, config TEXT NOT NULL,
    versions TEXT NOT NULL, scorer INTEGER REFERENCES scorers, draws TEXT
)"""
SAMPLES = f"""
CREATE TABLE samples (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, {_SAMPLES},
    UNIQUE (run, problem, idx)
)"""
TRACES = f"""
CREATE TABLE traces (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems, idx INTEGER NOT NULL,
    {_TRACES}, PRIMARY KEY (run, problem, idx)
)"""
PARTS = """
CREATE TABLE parts (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL UNIQUE, samples INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 0
)"""
SEALED = """
CREATE TABLE sealed (
    run INTEGER NOT NULL REFERENCES runs, problem INTEGER NOT NULL REFERENCES problems,
    part INTEGER NOT NULL REFERENCES parts, place INTEGER NOT NULL, first INTEGER NOT NULL, samples INTEGER NOT NULL,
    indices TEXT NOT NULL, PRIMARY KEY (run, problem, part)
) WITHOUT ROWID"""
FACTS = """
CREATE TABLE part_facts (
    part INTEGER NOT NULL REFERENCES parts, run INTEGER NOT NULL REFERENCES runs, facts TEXT NOT NULL,
    PRIMARY KEY (part, run)
) WITHOUT ROWID"""
SINCE_8 = (TRACES, PARTS, SEALED, FACTS)
_TABLES = (PROBLEMS, RUNS, SCORERS, OPENINGS, SAMPLES, SCORES, *SINCE_8, DECISIONS)

ADD_SAMPLE = f"INSERT INTO samples (run, problem, {', '.join(COLUMNS)}) VALUES (?, ?, {', '.join('?' * len(COLUMNS))})"
PUT_TRACE = (
    f"UPDATE samples SET {', '.join(f'{name} = ?' for name in (*TRACE_SQL, 'owners'))} "
    "WHERE run = ? AND problem = ? AND idx = ?"
)
PUT_SEALED_TRACE = f"INSERT OR REPLACE INTO traces VALUES (?, ?, ?, {', '.join('?' * (len(TRACE_SQL) + 1))})"
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
    version = version_of(connection, path, new=new)
    if version and version != VERSION:
        advice = f"run `tts pool upgrade {path}` once" if version < VERSION else "use the newer program that wrote it"
        raise InputError(f"{path}: a pool of version {version}, and this program reads version {VERSION}: {advice}")
    return version


def version_of(connection: sqlite3.Connection, path: str, *, new: bool = False) -> int:
    """Return the version of an open file's tables, 0 for a file without any; see :func:`check`.

    Raises:
        InputError: where it is no SQLite file or no pool.
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
    return int(version)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in one transaction: a crash leaves all of them or none."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def lacks(connection: sqlite3.Connection) -> bool:
    """Return whether an open pool of this version lacks columns or a table that came later."""
    return bool(missing(connection)) or not has_decisions(connection)


def missing(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Return the columns that an open pool's tables do not have yet, with their types, by table."""
    found = {}
    for table, columns in (("samples", SQL), ("problems", {"chat": "TEXT"})):
        there = {name for _, name, *_ in connection.execute(f"PRAGMA main.table_info({table})")}
        if absent := {name: kind for name, kind in columns.items() if name not in there}:
            found[table] = absent
    return found


def add_missing(connection: sqlite3.Connection) -> None:
    """Add the missing columns, and the table that came later, in one transaction: a crash leaves all or none."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(DECISIONS)
    for table, columns in missing(connection).items():
        for column, kind in columns.items():
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    connection.execute("COMMIT")


def widen(connection: sqlite3.Connection) -> None:
    """Show the missing columns to a reader as NULL; the file stays as it is."""
    for table, columns in missing(connection).items():
        absent = ", ".join(f"NULL AS {column}" for column in columns)
        connection.execute(f"CREATE TEMP VIEW {table} AS SELECT *, {absent} FROM main.{table}")
