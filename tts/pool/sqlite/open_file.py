"""An open pool file: its connection, its write lock, and transactions on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tts.errors import InputError, TTSError
from tts.pool.parts.folder import PARTS, database, is_folder
from tts.pool.parts.sealed import Sealed
from tts.pool.sqlite.connect import close_writer, damaged
from tts.types import Sample

if TYPE_CHECKING:
    from filelock import BaseFileLock


class OpenFile:
    """An open pool file.

    Attributes:
        path: its name, as given.
        connection: the connection.
        sealed: the samples in its parts; None where it is no folder.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, lock: BaseFileLock | None) -> None:
        """Take over an open connection and, for a writer, the held lock."""
        self.path, self.connection = path, connection
        self.sealed = Sealed(connection, database(path).parent / PARTS) if is_folder(path) else None
        self._lock = lock
        self._closed = False
        self._together = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what the block writes is committed at its end, and undone where it raises."""
        if self._lock is None:
            raise InputError(f"{self.path}: opened for reading; open it with create_or_open to write")
        if self._together:
            yield
            return
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:  # no space left
            raise TTSError(f"{self.path}: cannot be written ({error})") from error
        except sqlite3.DatabaseError as error:
            raise damaged(self.path, error) from error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction of all those that are opened in the block."""
        with self.transaction():
            self._together = True
            try:
                yield
            finally:
                self._together = False

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Reads that all see the same state of the file."""
        try:
            self.connection.execute("BEGIN")
            yield
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path}: cannot be read ({error})") from error
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def sealed_sample(self, run: int, problem_id: str, index: int) -> Sample | None:
        """Return one sample out of a part, or None."""
        known = self.connection.execute("SELECT number FROM problems WHERE id = ?", (problem_id,)).fetchone()
        found = None if self.sealed is None or known is None else self.sealed.one(run, known[0], index)
        return None if found is None else found[0]

    def close(self) -> None:
        """Put everything into the one file and give up the write lock; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.sealed is not None:
            self.sealed.close()
        if self._lock is None:
            self.connection.close()
            return
        try:
            close_writer(self.connection)
        finally:
            self._lock.release()
