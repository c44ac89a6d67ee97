"""The pool file that live runs write to: one SQLite file, crash-safe and resumable.

While it is written the file is in WAL mode with ``synchronous=NORMAL``. A committed transaction survives the death of
the process at any moment (kill -9 included); when the machine itself loses power the last transactions may be lost,
but the file stays consistent. ``close`` puts everything back into the one file, which can then be copied or
read from a read-only place. WAL needs a local file system: not NFS.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

from tts.pool.files import pool_format
from tts.pool.records import Entry, Score
from tts.pool.runs import RunKey, plain_json
from tts.pool.sqlite import bulk, openings
from tts.pool.sqlite.connect import open_writer, write_lock
from tts.pool.sqlite.decisions import put_decision
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.problems import add_problems, number_of, put_trace, reread
from tts.pool.sqlite.scores import add_scores, open_scorer
from tts.pool.sqlite.sealing import PART, live_samples, reread_parts, seal
from tts.pool.sqlite.stored_runs import StoredRuns
from tts.types import Problem, Sample, Signals, Trace

NO_SIGNALS = Signals()


class PoolStore(StoredRuns):
    """An open pool file, which one process writes while any number read. Use an object in the thread that made it.

    Make one with ``create_or_open`` or ``read``; close it, or use it in a ``with`` block.
    """

    def __init__(self, file: OpenFile) -> None:
        """Take over an open file; use the class methods instead."""
        super().__init__(file)
        self._decided: dict[int, int] = {}  # samples in the database of decided questions, and their sum
        self._gathered = 0

    @classmethod
    def create_or_open(cls, path: str | os.PathLike[str]) -> Self:
        """Open for writing, and make the file where it does not exist.

        The write lock is on ``<file>.lock`` beside it and dies with the process. That file stays behind: removing a
        lock file while others may wait for it is not safe.

        Raises:
            PoolLockedError: at once, where another process (or another store of this one) is writing to the file.
            InputError: for another suffix than .sqlite, .db or .pool, a missing directory, or a file that is no pool.
        """
        pool_format(path, "sqlite")
        lock = write_lock(path)
        try:
            return cls(OpenFile(str(path), open_writer(path), lock))
        except BaseException:
            lock.release()
            raise

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

    def reread(self, run: int, reading: str, read: Callable[[Problem, Sample], tuple[str | None, bool | None]]) -> int:
        """Read the answers of a run's samples by another rule, all in one transaction.

        Args:
            run: the run's number.
            reading: the new rule's name.
            read: returns the answer and the grade of a sample.

        Returns:
            The number of samples that were read; 0 where the run's answers are read so already.
        """
        known = next((one.reading for one in self.runs() if one.id == run), None)
        replaced = [] if self._file.sealed is None or known == reading else reread_parts(self._file, run, read)
        with self._file.transaction():
            return reread(self._file, run, reading, read, replaced)

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

    def put_decision(self, run: int, problem_id: str, decision: Mapping[str, object]) -> None:
        """Keep the decision of a strategy on a question of its run, in one transaction; a known one stays as it is.

        Args:
            run: the number ``open_run`` returned.
            problem_id: a question added before.
            decision: JSON values only.

        Raises:
            InputError: for an unknown question, or a value that JSON does not have.
        """
        with self._file.transaction():
            put_decision(self._connection, run, number_of(self._file, problem_id), decision)

    def together(self) -> AbstractContextManager[None]:
        """Return a block whose writes are one transaction: all of them are kept, or none; nothing is sealed in it."""
        return self._file.together()

    def start_runs(
        self,
        keys: Sequence[RunKey],
        problems: Iterable[Problem],
        config: Mapping[str, object],
        *,
        signals: Signals = NO_SIGNALS,
        reading: str = "",
    ) -> list[int]:
        """Open runs that hold no samples yet with new questions, all in one transaction; return their numbers.

        Args:
            keys: the key of each run.
            problems: questions; see :meth:`add_problems`.
            config: the full configuration, JSON values only.
            signals: the signals that the samples record.
            reading: the rule by which answers are read and graded.

        Raises:
            InputError: a run holds samples already, or a question is there with other content.
        """
        text = plain_json(config, "a run's config")
        with self._file.transaction():
            return bulk.start_runs(self._file, keys, problems, text, signals, reading)

    def add_entries(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Add samples of many questions in one transaction; see :func:`tts.pool.sqlite.bulk.add_entries`."""
        with self._file.transaction():
            bulk.add_entries(self._file, entries)

    def decided(self, problem_id: str) -> None:
        """Let the samples of a question move to a part, when enough of decided questions have gathered.

        Of a pool that is no folder nothing happens.
        """
        if self._file.sealed is not None:
            number = number_of(self._file, problem_id)
            before = self._decided.get(number, 0)
            self._decided[number] = live_samples(self._file, number)
            self._gathered += self._decided[number] - before
            if self._gathered >= PART:
                self.seal()

    def seal(self) -> int:
        """Move the samples of all decided questions to a new part; return their number.

        Raises:
            InputError: the part cannot be written; the samples stay where they are.
        """
        wanted = [number for number, samples in self._decided.items() if samples]
        self._decided.clear()
        self._gathered = 0
        return seal(self._file, wanted) if wanted else 0
