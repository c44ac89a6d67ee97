"""Open, lock and close a pool file. ``tts.pool.sqlite.store`` documents the guarantees."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tts.errors import InputError, PoolLockedError
from tts.pool.files import pool_format
from tts.pool.parts.folder import LIVE, check_parts, database, is_folder, make, remove_unfinished
from tts.pool.sqlite import schema
from tts.pool.sqlite.file_system import check_local

if TYPE_CHECKING:
    from filelock import BaseFileLock

_BUSY_S = 10.0  # how long to wait for another process to end a read or a checkpoint


def write_lock(path: str | os.PathLike[str]) -> BaseFileLock:
    """Take the write lock of a pool file, ``<file>.lock`` beside it; links are followed.

    Raises:
        PoolLockedError: at once, if another process holds it.
        InputError: where the directory is missing or the lock file cannot be made.
    """
    from filelock import FileLock, Timeout  # costs more to import than all of tts.pool

    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise InputError(f"{path}: the directory {target.parent} does not exist")
    lock = FileLock(target.with_name(f"{target.name}.lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise PoolLockedError(
            f"{path} is being written by another process; wait for it to end, or write to another file"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be locked for writing ({error.strerror})") from error
    return lock


def open_writer(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open a pool file for writing in WAL mode, make or complete its tables where need be; needs the write lock.

    Raises:
        InputError: where it is no pool or cannot be written.
        PoolLockedError: where one long read keeps it from entering WAL mode for ten seconds.
    """
    check_local(path)
    make(path)
    connection = _connect(database(path).as_uri(), str(path))
    try:
        version = schema.check(connection, str(path), new=True)
        try:
            if not version and is_folder(path):
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before there are tables
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            if not version:
                schema.create(connection)
            elif schema.lacks(connection):
                schema.add_missing(connection)
            remove_unfinished(connection, str(path))
            check_parts(connection, str(path))
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise PoolLockedError(f"{path} is being read by another process; try again when that ends") from None
            raise InputError(f"{path}: cannot be opened for writing ({error})") from None
        except sqlite3.DatabaseError as error:
            raise damaged(str(path), error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open a pool file for reading only.

    Raises:
        InputError: where it is missing or no pool.
    """
    pool_format(path, "sqlite")
    if not database(path).is_file():
        what = f"no pool: it is no folder with {LIVE}" if is_folder(path) else "no such file"
        raise InputError(f"{path}: {what}")
    connection = _connect(f"{database(path).as_uri()}?mode=ro", str(path))
    try:
        schema.check(connection, str(path))
        schema.widen(connection)
        check_parts(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def close_writer(connection: sqlite3.Connection) -> None:
    """Put the write-ahead log back into the one file, leave WAL mode, and close.

    While readers are open the file stays in WAL mode: it can still be read and written, but must not be copied
    without its ``-wal`` file. The next writer's close tidies it up.
    """
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()


def _connect(uri: str, path: str) -> sqlite3.Connection:
    try:
        # One thread at a time uses a pool, but not always the one that opened it: a run's coroutines have their own.
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise InputError(f"{path}: cannot be opened ({error})") from None


def damaged(path: str, error: sqlite3.DatabaseError) -> Exception:
    """Return the sentence about a damaged file; a violated constraint or a misuse is returned as it is."""
    if type(error) is not sqlite3.DatabaseError:
        return error
    return InputError(f"{path}: is damaged ({error}); give another file")
