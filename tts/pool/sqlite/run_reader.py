"""One run of a pool file as the questions of a pool: read at once where it is small, else in blocks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any
from weakref import finalize

from tts.errors import InputError
from tts.pool.digest import content_hash
from tts.pool.entries import ALL, HELD, Entries, Fields, HeldEntries, StoredEntries
from tts.pool.facts import Facts, joined_facts
from tts.pool.parts.part_file import Graded
from tts.pool.records import Entry, Pool
from tts.pool.rows import PROBLEM_COLUMNS, columns_of, reader_of, to_problem
from tts.pool.sqlite.connect import open_reader
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.scores import labels, scores_of

_SIZES = "SELECT problem, count(*) FROM samples WHERE run = ? GROUP BY problem ORDER BY problem"
_COUNTS = (
    "count(*), count(answer), count(CASE WHEN answer IS NOT NULL THEN confidence END), count(confidence), "
    "coalesce(sum(confidence), 0.0), min(confidence), max(confidence), count(prompt), "
    "coalesce(sum(delivered >> 32), 0), coalesce(sum(delivered & 4294967295), 0), "
    "count(correct), count(given), count(machine_s), count(CASE WHEN ending = 'stop' THEN processed END)"
)
_LACKING = ("top IS NULL", "(watched IS NULL OR steps IS NULL)")


class RunReader:
    """The questions of a run, read over a connection of their own.

    A run that is held in memory is read in one transaction, so another process may write to it. A later read of a
    larger run fails where samples were added, or answers read anew, since: the sizes of what it has read and of what
    it reads next would differ.
    """

    def __init__(self, path: str, run: int) -> None:
        """Open the file for reading, and begin a transaction that :meth:`pool` ends.

        Raises:
            InputError: it is missing or no pool, or holds no such run or no samples of it.
        """
        self._path, self._run = path, run
        self._file = OpenFile(path, open_reader(path), None)
        self._connection = self._file.connection
        self._lock = Lock()  # views of other fields share the connection
        finalize(self, self._file.close)
        self._connection.execute("BEGIN")
        found = self._state()
        if found is None:
            raise InputError(f"{path}: no run {run}; `tts pool info {path}` lists those it holds")
        self._seen = found
        self._model, self._digest = self._connection.execute(
            "SELECT model, digest FROM runs WHERE id = ?", (run,)
        ).fetchone()
        self._sizes: dict[int, int] = dict(self._connection.execute(_SIZES, (run,)).fetchall())
        sealed = {} if self._file.sealed is None else self._file.sealed.sizes(run)
        for number, samples in sealed.items():
            self._sizes[number] = self._sizes.get(number, 0) + samples
        self._numbers = sorted(self._sizes)
        if not self._sizes:
            raise InputError(f"{path}: run {run} holds no samples yet")

    def pool(self) -> Pool:
        """Return the run as a pool."""
        problems = self._connection.execute(
            "SELECT number, id, question, gold, task, accepted, meta, chat FROM problems ORDER BY number"
        )
        rows = (row[1:] if row[-1] is not None else row[1:-1] for row in problems if row[0] in self._sizes)
        return Pool(self._path, content_hash((self._digest, self._model), rows), self._entries(), (self._run,))

    def _entries(self) -> Entries:
        sizes = [self._sizes[number] for number in self._numbers]
        if sum(sizes) <= HELD:
            entries = HeldEntries(self._block(range(len(sizes)), ALL))
            self._file.close()
            return entries
        self._connection.execute("ROLLBACK")
        return StoredEntries(self._read, sizes, lambda: self._facts)

    def _read(self, places: range, fields: frozenset[Fields]) -> Sequence[Entry]:
        """Return the questions at a range of places, in a transaction of their own."""
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                self._check()
                return self._block(places, fields)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _block(self, places: range, fields: frozenset[Fields]) -> Sequence[Entry]:
        """Return the questions at a range of places, within the transaction that is open."""
        numbers = [self._numbers[place] for place in places]
        try:
            found = entries_between(self._file, self._run, self._model, numbers[0], numbers[-1], fields)
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from error
        return [found[number] for number in numbers]

    @cached_property
    def _facts(self) -> Facts:
        counts = self._connection.execute(f"SELECT {_COUNTS} FROM samples WHERE run = ?", (self._run,)).fetchone()
        *before, high, low, graded, continued, timed, weighed = counts  # a sum of large counts would overflow
        counts = [*before, (high << 32) + low, graded, continued, timed]
        values = (0, counts[0], counts[0], 0, *counts[1:], *map(self._any, _LACKING))
        live = replace(Facts(*values), weighed=weighed)
        sealed = [] if self._file.sealed is None else self._file.sealed.facts(self._run)
        return replace(
            joined_facts([live, *sealed]),
            questions=len(self._sizes),
            samples_min=min(self._sizes.values()),
            samples_max=max(self._sizes.values()),
            models=self._models(),
            judged=self._judged(),
        )

    def _any(self, condition: str) -> bool:
        """Return whether the condition holds for any sample that did not fail."""
        (found,) = self._connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM samples WHERE run = ? AND ending != 'failed' AND {condition})", (self._run,)
        ).fetchone()
        return bool(found)

    def _models(self) -> tuple[str, ...]:
        if self._model:
            return (self._model,)
        metas = self._connection.execute("SELECT number, meta FROM problems ORDER BY number")
        named = (json.loads(meta).get("model") for number, meta in metas if number in self._sizes)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    def _judged(self) -> dict[str, int]:
        """Return the number of samples with an answer that each scorer has judged, by its label."""
        found = {}
        unanswered = [] if self._file.sealed is None else list(self._file.sealed.unanswered(self._run))
        for scorer, label in labels(self._connection, self._run).items():
            (judged,) = self._connection.execute(
                "SELECT count(*) FROM scores WHERE run = ? AND scorer = ?", (self._run, scorer)
            ).fetchone()
            (empty,) = self._connection.execute(
                "SELECT count(*) FROM scores c JOIN samples s USING (run, problem, idx) "
                "WHERE c.run = ? AND c.scorer = ? AND s.answer IS NULL",
                (self._run, scorer),
            ).fetchone()
            for key in unanswered:
                empty += self._connection.execute(
                    "SELECT count(*) FROM scores WHERE (run, scorer, problem, idx) = (?, ?, ?, ?)",
                    (self._run, scorer, *key),
                ).fetchone()[0]
            found[label] = judged - empty
        return found

    def _state(self) -> tuple[Any, ...] | None:
        found = self._connection.execute("SELECT samples, reading FROM runs WHERE id = ?", (self._run,)).fetchone()
        return None if found is None else tuple(found)

    def _unreadable(self, error: sqlite3.DatabaseError) -> InputError:
        return InputError(f"{self._path}: cannot be read ({error})")

    def _check(self) -> None:
        try:
            now = self._state()
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from error
        if now != self._seen:
            raise InputError(
                f"{self._path}: samples were added to run {self._run} while it was read: repeat this command when "
                "nothing writes to it"
            )


def entries_between(
    file: OpenFile, run: int, model: str, first: int, last: int, fields: frozenset[Fields]
) -> dict[int, Entry]:
    """Return the questions of a run that have samples, within the caller's transaction.

    Args:
        file: an open pool.
        run: the run's number.
        model: the run's model; empty where it names none.
        first: the number of the first question.
        last: the number of the last question.
        fields: the fields of samples to read.

    Returns:
        By the number of the question.
    """
    connection, columns = file.connection, ("problem", *columns_of(fields))
    problems = connection.execute(
        f"SELECT number, {PROBLEM_COLUMNS}, meta FROM problems WHERE number BETWEEN ? AND ?", (first, last)
    ).fetchall()
    rows = connection.execute(
        f"SELECT {', '.join(columns)} FROM samples WHERE run = ? AND problem BETWEEN ? AND ? ORDER BY problem, idx",
        (run, first, last),
    ).fetchall()
    sealed = {} if file.sealed is None else file.sealed.samples(run, first, last, fields)
    scores = scores_of(connection, run, first, last) if "scores" in fields else {}
    graded: dict[int, Graded] = {}
    read = reader_of(columns)
    for row in rows:
        graded.setdefault(row[0], []).append(read(row))
    for number, found in sealed.items():
        graded[number] = sorted([*found, *graded.get(number, ())], key=lambda pair: pair[0].index)
    known = {number: rest for number, *rest in problems}
    return {number: _entry(number, model, known[number], found, scores) for number, found in graded.items()}


def _entry(number: int, model: str, columns: Sequence[Any], graded: Graded, scores: Mapping[str, Any]) -> Entry:
    *problem, meta = columns
    samples = tuple(sample for sample, _ in graded)
    found = {label: tuple(of.get((number, sample.index)) for sample in samples) for label, of in scores.items()}
    return Entry.checked(
        to_problem(problem),
        samples,
        tuple(correct for _, correct in graded),
        {**json.loads(meta), **({"model": model} if model else {})},
        {label: of for label, of in found.items() if any(score is not None for score in of)},
    )
