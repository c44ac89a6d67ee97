"""Samples of a question, and whole runs, written within one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from tts.errors import InputError
from tts.pool.check import sample_fault
from tts.pool.records import Entry, Score
from tts.pool.rows import COLUMNS, sample_hash, to_row
from tts.pool.runs import RunKey
from tts.pool.sqlite import openings, schema
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.problems import add_problems, number_of
from tts.pool.sqlite.scores import add_scores, add_to_digest
from tts.types import Sample, Signals

_AT_ONCE = 256
"""The questions whose samples are inserted together."""


def add_samples(
    file: OpenFile,
    run: int,
    problem_id: str,
    samples: Sequence[Sample],
    correct: Sequence[bool | None] | None,
    scores: Mapping[int, Mapping[int, Score]],
) -> None:
    """Add samples of one question within the caller's transaction; see ``PoolStore.add``."""
    grades = [None] * len(samples) if correct is None else correct
    if len(grades) != len(samples):
        raise InputError(f"correct must hold one grade a sample, got {len(grades)} for {len(samples)} samples")
    for sample, grade in zip(samples, grades, strict=True):
        if fault := sample_fault(sample, grade):
            raise InputError(f"{file.path}: question {problem_id!a}, sample {sample.index}: {fault}")
    number, added = number_of(file, problem_id), 0
    sealed = set[int]() if file.sealed is None else file.sealed.indices(run, number)
    for sample, grade in zip(samples, grades, strict=True):
        row = to_row(sample, grade)
        if sample.index in sealed:
            raise _held(file, run, problem_id, sample)
        try:
            file.connection.execute(schema.ADD_SAMPLE, (run, number, *row))
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorname != "SQLITE_CONSTRAINT_UNIQUE":
                raise
            raise _held(file, run, problem_id, sample) from None
        added += sample_hash(problem_id, row)
    add_to_digest(file.connection, run, added, len(samples))
    for scorer, given in scores.items():
        add_scores(file.connection, run, scorer, number, given.items())


def add_runs(
    file: OpenFile, runs: Sequence[tuple[RunKey, Sequence[Entry]]], config: str, signals: Signals, reading: str
) -> list[int]:
    """Write runs with their questions and samples within the caller's transaction; return their numbers.

    Args:
        file: a pool open for writing.
        runs: the key of each run, and its questions with their samples.
        config: the configuration of all of them as JSON.
        signals: the signals that they record.
        reading: the rule by which their answers were read and graded.

    Raises:
        InputError: the pool holds samples of one of the runs, or other questions of the same id.
    """
    connection, numbers = file.connection, []
    problems = {entry.problem.id: (entry.problem, entry.meta) for _, entries in runs for entry in entries}
    known = {name: number for name, number in connection.execute("SELECT id, number FROM problems")}
    add_problems(file, (item for name, item in problems.items() if name not in known))
    known = {name: number for name, number in connection.execute("SELECT id, number FROM problems")}
    for key, entries in runs:
        run = openings.open_run(connection, key, config, signals, reading, None)
        if connection.execute("SELECT samples FROM runs WHERE id = ?", (run,)).fetchone() != (0,):
            raise InputError(f"{file.path}: holds these samples already, as run {run}")
        for some in _parts(entries, _AT_ONCE):
            rows, added = [], 0
            for entry in some:
                for sample, correct in zip(entry.samples, entry.correct, strict=True):
                    row = to_row(sample, correct)
                    rows.append((run, known[entry.problem.id], *row))
                    added += sample_hash(entry.problem.id, row)
            _insert(connection, rows)
            add_to_digest(connection, run, added, len(rows))
        numbers.append(run)
    return numbers


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of samples by the columns that any of them uses: binding all of them takes most of the time."""
    names = ("run", "problem", *COLUMNS)
    used = [i for i, column in enumerate(zip(*rows, strict=True)) if any(value is not None for value in column)]
    columns = ", ".join(names[i] for i in used)
    statement = f"INSERT INTO samples ({columns}) VALUES ({', '.join('?' * len(used))})"
    connection.executemany(statement, map(itemgetter(*used), rows))


def _held(file: OpenFile, run: int, problem_id: str, sample: Sample) -> InputError:
    return InputError(
        f"{file.path}: run {run} holds sample {sample.index} of question {problem_id!a} already; samples are never "
        "overwritten, so draw the indices that missing() names"
    )


def _parts(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """Yield entries in parts of at most this many."""
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
