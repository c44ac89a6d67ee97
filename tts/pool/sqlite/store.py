"""The pool file that live runs write to: one SQLite file, crash-safe and resumable.

While it is written the file is in WAL mode with ``synchronous=NORMAL``. A committed transaction survives the death of
the process at any moment (kill -9 included); when the machine itself loses power the last transactions may be lost,
but the file stays consistent. ``close`` puts everything back into the one file, which can then be copied or
read from a read-only place. WAL needs a local file system: not NFS.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tts.errors import InputError, TTSError
from tts.pool.check import sample_fault
from tts.pool.files import pool_format
from tts.pool.jsonl import content_sha256
from tts.pool.records import Pool, problem_fault
from tts.pool.runs import Run, RunKey, plain_json
from tts.pool.sqlite import openings, schema
from tts.pool.sqlite.connect import close_writer, damaged, open_reader, open_writer, write_lock
from tts.pool.sqlite.rows import from_row, to_entries, to_row
from tts.types import Problem, Sample

if TYPE_CHECKING:
    from filelock import BaseFileLock


class PoolStore:
    """An open pool file. Make one with ``create_or_open`` or ``read``; close it, or use it in a ``with`` block.

    One process writes, any number read meanwhile. Use an object in the thread that made it.
    """

    def __init__(self, path: str, connection: sqlite3.Connection, lock: BaseFileLock | None) -> None:
        """Take over an open connection and, for a writer, the held lock; use the class methods instead."""
        self._path = path
        self._connection = connection
        self._lock = lock
        self._closed = False

    @classmethod
    def create_or_open(cls, path: str | os.PathLike[str]) -> Self:
        """Open for writing, and make the file where it does not exist.

        The write lock is on ``<file>.lock`` beside it and dies with the process. That file stays behind: removing a
        lock file while others may wait for it is not safe.

        Raises:
            PoolLockedError: at once, where another process (or another store of this one) is writing to the file.
            InputError: for another suffix than .sqlite or .db, a missing directory, or a file that is no pool.
        """
        pool_format(path, "sqlite")
        lock = write_lock(path)
        try:
            return cls(str(path), open_writer(path), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open for reading, also while another process writes: reads see what was committed when they began.

        Raises:
            InputError: for another suffix, a missing file, or a file that is no pool.
        """
        return cls(str(path), open_reader(path), None)

    def add_problem(self, problem: Problem, meta: Mapping[str, str] | None = None) -> None:
        """Add one question, with its other question-level strings; see ``add_problems``."""
        self.add_problems([(problem, meta or {})])

    def add_problems(self, problems: Iterable[Problem | tuple[Problem, Mapping[str, str]]]) -> None:
        """Add questions, each alone or with its other question-level strings, all in one transaction.

        A question that is there already, equal in every field, is left as it is, so that a resumed run may add its
        questions again. Pools come back in the order in which questions were first added.

        Raises:
            InputError: where the id is there with other content, or a field cannot be kept; nothing is added then.
        """
        with self._transaction():
            for item in problems:
                problem, meta = item if isinstance(item, tuple) else (item, {})
                if fault := problem_fault(problem, meta):
                    raise InputError(f"{self._path}: question {problem.id!a}: {fault}")
                row = problem.question, problem.gold, problem.task, json.dumps(dict(meta), sort_keys=True)
                known = self._connection.execute(
                    "SELECT question, gold, task, meta FROM problems WHERE id = ?", (problem.id,)
                ).fetchone()
                if known is None:
                    columns = "(id, question, gold, task, meta) VALUES (?, ?, ?, ?, ?)"
                    self._connection.execute(f"INSERT INTO problems {columns}", (problem.id, *row))
                elif known != row:
                    raise InputError(
                        f"{self._path}: question {problem.id!a} is there already with another text, gold, task or "
                        "meta; use another id or another file"
                    )

    def open_run(self, key: RunKey, config: Mapping[str, object]) -> int:
        """Start a run, or resume the one with an equal key, and return its number within the file.

        Every opening is kept with its time, ``config`` and the versions of the packages it depends on.

        Args:
            key: what all samples of the run have in common.
            config: the full configuration, JSON values only.

        Raises:
            InputError: where the key or the configuration holds something JSON does not have.
        """
        text = plain_json(config, "a run's config")
        with self._transaction():
            return openings.open_run(self._connection, key, text)

    def note_draws(self, run: int, counts: Mapping[str, object]) -> None:
        """Keep the numbers of failed and truncated draws of a run's last opening.

        Args:
            run: the number ``open_run`` returned.
            counts: JSON values only.
        """
        with self._transaction():
            openings.note_draws(self._connection, run, counts)

    def add(
        self, run: int, problem_id: str, samples: Sequence[Sample], correct: Sequence[bool | None] | None = None
    ) -> None:
        """Add samples of one question in one transaction: on return all of them are kept, on an error none.

        A FAILED sample is kept as any other, and its index then no longer counts as missing; do not add one whose
        draw is to be repeated on resuming.

        Args:
            run: the number ``open_run`` returned.
            problem_id: a question added before.
            samples: with indices the run does not hold yet for this question.
            correct: one grade a sample; None for no grades.

        Raises:
            InputError: for an index that is there already (samples are never overwritten), an unknown run or question,
                or a field out of range (see ``tts.pool.check``).
        """
        grades = [None] * len(samples) if correct is None else correct
        if len(grades) != len(samples):
            raise InputError(f"correct must hold one grade a sample, got {len(grades)} for {len(samples)} samples")
        for sample, grade in zip(samples, grades, strict=True):
            if fault := sample_fault(sample, grade):
                raise InputError(f"{self._path}: question {problem_id!a}, sample {sample.index}: {fault}")
        with self._transaction():
            number = self._number(problem_id)
            self._key(run)
            for sample, grade in zip(samples, grades, strict=True):
                try:
                    self._connection.execute(schema.ADD_SAMPLE, (run, number, *to_row(sample, grade)))
                except sqlite3.IntegrityError as error:
                    if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
                        raise
                    raise InputError(
                        f"{self._path}: run {run} holds sample {sample.index} of question {problem_id!a} already; "
                        "samples are never overwritten, so draw the indices that missing() names"
                    ) from None

    def get(self, run: int, problem_id: str, index: int) -> Sample | None:
        """One sample of a question, or None where the run does not hold it (yet)."""
        row = self._connection.execute(schema.READ_SAMPLE, (run, problem_id, index)).fetchone()
        return None if row is None else from_row(row)[0]

    def missing(self, run: int, problem_id: str, n: int) -> list[int]:
        """The indices below ``n`` still to draw for a question, in rising order.

        Raises:
            InputError: for an unknown run or question.
        """
        self._key(run)
        found = self._connection.execute(
            "SELECT idx FROM samples WHERE run = ? AND problem = ? AND idx < ?", (run, self._number(problem_id), n)
        )
        return sorted(set(range(n)) - {idx for (idx,) in found})

    def runs(self) -> tuple[Run, ...]:
        """Every run of the file, oldest first."""
        return openings.runs_of(self._connection)

    def to_pool(self, run: int | None = None) -> Pool:
        """One run as a pool: every question with samples, in the order added, samples by index.

        ``meta["model"]`` is the run's model where it names one. ``sha256`` is of the content, see ``Pool``.

        Args:
            run: the run's number; may be left out where the file holds one run.

        Raises:
            InputError: where the run is unknown, not named though there are several, or holds no samples.
        """
        with self._snapshot():
            run = self._only_run() if run is None else run
            key = self._key(run)
            problems = self._connection.execute(
                "SELECT number, id, question, gold, task, meta FROM problems ORDER BY number"
            ).fetchall()
            rows = self._connection.execute(schema.READ_SAMPLES, (run,)).fetchall()
        if not rows:
            raise InputError(f"{self._path}: run {run} holds no samples yet")
        entries = to_entries(problems, rows, {"model": key.model} if key.model else {})
        return Pool(self._path, content_sha256(entries), entries)

    def close(self) -> None:
        """Put everything into the one file and give up the write lock; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._lock is None:
            self._connection.close()
            return
        try:
            close_writer(self._connection)
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing: what the block writes is committed at its end, and undone where it raises."""
        if self._lock is None:
            raise InputError(f"{self._path}: opened for reading; open it with create_or_open to write")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.OperationalError as error:  # no space left
            raise TTSError(f"{self._path}: cannot be written ({error})") from error
        except sqlite3.DatabaseError as error:
            raise damaged(self._path, error) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Reads that all see the same state of the file."""
        try:
            self._connection.execute("BEGIN")
            yield
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self._path}: cannot be read ({error})") from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _number(self, problem_id: str) -> int:
        found = self._connection.execute("SELECT number FROM problems WHERE id = ?", (problem_id,)).fetchone()
        if found is None:
            raise InputError(f"{self._path}: no question {problem_id!a}; add it with add_problem first")
        return int(found[0])

    def _key(self, run: int) -> RunKey:
        found = self._connection.execute(
            "SELECT model, revision, prompt_template, sampling FROM runs WHERE id = ?", (run,)
        ).fetchone()
        if found is None:
            raise InputError(f"{self._path}: no run {run}; it holds {self._listed() or 'no runs yet'}")
        return RunKey.from_columns(*found)

    def _only_run(self) -> int:
        runs = self.runs()
        if not runs:
            raise InputError(f"{self._path}: holds no runs yet, so there are no samples to read")
        if len(runs) > 1:
            raise InputError(f"{self._path}: holds {len(runs)} runs, name one of them by its number: {self._listed()}")
        return runs[0].id

    def _listed(self) -> str:
        return "; ".join(str(run) for run in self.runs())
