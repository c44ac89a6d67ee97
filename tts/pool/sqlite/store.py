"""The pool file that live runs write to: one SQLite file, crash-safe and resumable.

While it is written the file is in WAL mode with ``synchronous=NORMAL``. A committed transaction survives the death of
the process at any moment (kill -9 included); when the machine itself loses power the last transactions may be lost,
but the file stays consistent. ``close`` puts everything back into the one file, which can then be copied or
read from a read-only place. WAL needs a local file system: not NFS.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self

from tts.errors import InputError
from tts.pool.files import pool_format
from tts.pool.records import Entry, Pool, Score
from tts.pool.runs import Run, RunKey, plain_json
from tts.pool.sqlite import bulk, openings, schema
from tts.pool.sqlite.connect import open_reader, open_writer, write_lock
from tts.pool.sqlite.counts import QuestionAnswers, answers_of, golds_of
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.problems import add_problems, number_of, problems_of, put_trace, reread
from tts.pool.sqlite.rows import from_row
from tts.pool.sqlite.run_reader import RunReader
from tts.pool.sqlite.scores import READ_SCORE, add_scores, open_scorer, scorers_of
from tts.types import Problem, Sample, Signals, Trace

NO_SIGNALS = Signals()


class PoolStore:
    """An open pool file, which one process writes while any number read. Use an object in the thread that made it.

    Make one with ``create_or_open`` or ``read``; close it, or use it in a ``with`` block.
    """

    def __init__(self, file: OpenFile) -> None:
        """Take over an open file; use the class methods instead."""
        self._file = file
        self._path, self._connection = file.path, file.connection

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
            return cls(OpenFile(str(path), open_writer(path), lock))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open for reading, also while another process writes: reads see what was committed when they began.

        Raises:
            InputError: for another suffix, a missing file, or a file that is no pool.
        """
        return cls(OpenFile(str(path), open_reader(path), None))

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
        with self._file.transaction():
            add_problems(self._file, problems)

    def open_run(
        self,
        key: RunKey,
        config: Mapping[str, object],
        *,
        signals: Signals = NO_SIGNALS,
        reading: str = "",
        scorer: int | None = None,
    ) -> int:
        """Start or resume the run of a key, and return its number; the opening is kept with its time and versions.

        Args:
            key: what all samples of the run have in common.
            config: the full configuration, JSON values only.
            signals: the signals that its draws record, for a run that holds no samples yet.
            reading: the rule by which answers are read and graded, for a run that holds no samples yet.
            scorer: the number of the scorer that judges its samples, as ``open_scorer`` returned it.

        Raises:
            InputError: where the key or the configuration holds something JSON does not have.
        """
        text = plain_json(config, "a run's config")
        with self._file.transaction():
            return openings.open_run(self._connection, key, text, signals, reading, scorer)

    def open_scorer(self, name: str, key: Mapping[str, object]) -> int:
        """Return the number of the scorer with this key within the file.

        Args:
            name: the scorer's name.
            key: everything that its scores depend on beside the samples.

        Raises:
            InputError: where the key holds something JSON does not have.
        """
        with self._file.transaction():
            return open_scorer(self._connection, name, key)

    def scorers(self) -> dict[str, Mapping[str, object]]:
        """The key of every scorer of the file by its label."""
        return scorers_of(self._connection)

    def add_scores(self, run: int, scorer: int, problem_id: str, scores: Mapping[int, Score]) -> None:
        """Add a scorer's scores of samples of one question, by index, in one transaction; known ones stay as they are.

        Raises:
            InputError: for an unknown question.
        """
        with self._file.transaction():
            add_scores(self._connection, run, scorer, number_of(self._file, problem_id), scores.items())

    def put_trace(self, run: int, problem_id: str, index: int, trace: Trace) -> None:
        """Keep the signals that were read of a sample, in one transaction."""
        with self._file.transaction():
            put_trace(self._file, run, problem_id, index, trace)

    def score(self, run: int, scorer: int, problem_id: str, index: int) -> Score | None:
        """One scorer's score of a sample, or None where it has not judged it (yet)."""
        row = self._connection.execute(READ_SCORE, (run, scorer, problem_id, index)).fetchone()
        return None if row is None else Score(*row)

    def reread(self, run: int, reading: str, read: Callable[[Problem, Sample], tuple[str | None, bool | None]]) -> int:
        """Read the answers of a run's samples by another rule, all in one transaction.

        Args:
            run: the run's number.
            reading: the new rule's name.
            read: returns the answer and the grade of a sample.

        Returns:
            The number of samples that were read; 0 where the run's answers are read so already.
        """
        with self._file.transaction():
            return reread(self._connection, run, reading, read)

    def note_draws(self, run: int, counts: Mapping[str, object]) -> None:
        """Keep the numbers of failed and truncated draws of a run's last opening.

        Args:
            run: the number ``open_run`` returned.
            counts: JSON values only.
        """
        with self._file.transaction():
            openings.note_draws(self._connection, run, counts)

    def add(
        self,
        run: int,
        problem_id: str,
        samples: Sequence[Sample],
        correct: Sequence[bool | None] | None = None,
        *,
        scores: Mapping[int, Mapping[int, Score]] | None = None,
    ) -> None:
        """Add samples of one question in one transaction: on return all of them are kept, on an error none.

        A FAILED sample is kept as any other, and its index then no longer counts as missing; do not add one whose
        draw is to be repeated on resuming.

        Args:
            run: the number ``open_run`` returned.
            problem_id: a question added before.
            samples: with indices the run does not hold yet for this question.
            correct: one grade a sample; None for no grades.
            scores: by the number of their scorer, then by the index of the sample.

        Raises:
            InputError: for an index that is there already (samples are never overwritten), an unknown run or question,
                or a field out of range (see ``tts.pool.check``).
        """
        with self._file.transaction():
            self._key(run)
            bulk.add_samples(self._file, run, problem_id, samples, correct, scores or {})

    def add_runs(
        self,
        runs: Sequence[tuple[RunKey, Sequence[Entry]]],
        config: Mapping[str, object],
        *,
        signals: Signals = NO_SIGNALS,
        reading: str = "",
    ) -> list[int]:
        """Write whole runs with their questions, all in one transaction; see :mod:`tts.pool.sqlite.bulk`."""
        text = plain_json(config, "a run's config")
        with self._file.transaction():
            return bulk.add_runs(self._file, runs, text, signals, reading)

    def problems(self) -> tuple[Problem, ...]:
        """Every question of the file, in the order added."""
        return problems_of(self._connection)

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
            "SELECT idx FROM samples WHERE run = ? AND problem = ? AND idx < ?",
            (run, number_of(self._file, problem_id), n),
        )
        return sorted(set(range(n)) - {idx for (idx,) in found})

    def runs(self) -> tuple[Run, ...]:
        """Every run of the file, oldest first."""
        return openings.runs_of(self._connection)

    def to_pool(self, run: int | None = None) -> Pool:
        """One run as a pool: every question with samples, in the order added, samples by index.

        ``meta["model"]`` is the run's model where it names one. ``sha256`` is of the content, see ``Pool``. A small run
        is read at once, a larger one in blocks when its questions are asked for.

        Args:
            run: the run's number; the latest one with samples where it is left out.

        Raises:
            InputError: where the run is unknown or holds no samples.
        """
        run = self.latest_run() if run is None else run
        self._key(run)
        return RunReader(self._path, run).pool()

    def answers(self, run: int) -> Iterator[QuestionAnswers]:
        """Yield the answers of a run, counted, one question after the other."""
        return answers_of(self._connection, run)

    def golds(self, run: int) -> set[tuple[str, ...]]:
        """The right answers of each question of a run that has any."""
        return golds_of(self._connection, run)

    def latest_run(self) -> int:
        """The run with samples that was opened last; runs of draws that a strategy may truncate do not count.

        Raises:
            InputError: there is none.
        """
        found = self._connection.execute(
            "SELECT r.id FROM runs r JOIN openings o ON o.run = r.id WHERE r.samples > 0 "
            "ORDER BY json_type(r.sampling, '$.until') IS NOT NULL, o.id DESC LIMIT 1"
        ).fetchone()
        if found is None:
            raise InputError(f"{self._path}: holds no samples yet")
        return int(found[0])

    def close(self) -> None:
        """Put everything into the one file and give up the write lock; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _key(self, run: int) -> RunKey:
        found = self._connection.execute(
            "SELECT model, revision, prompt_template, sampling FROM runs WHERE id = ?", (run,)
        ).fetchone()
        if found is None:
            raise InputError(f"{self._path}: no run {run}; it holds {self._listed() or 'no runs yet'}")
        return RunKey.from_columns(*found)

    def _listed(self) -> str:
        return "; ".join(str(run) for run in self.runs())
