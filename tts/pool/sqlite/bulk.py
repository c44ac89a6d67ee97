"""Samples of a question, and whole runs, written within one transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from tts.types import Problem, Sample, Signals


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


def start_runs(
    file: OpenFile, keys: Sequence[RunKey], problems: Iterable[Problem], config: str, signals: Signals, reading: str
) -> list[int]:
    """Open new runs with their questions within the caller's transaction; see ``PoolStore.start_runs``."""
    add_problems(file, problems)
    numbers = []
    for key in keys:
        run = openings.open_run(file.connection, key, config, signals, reading, None)
        if file.connection.execute("SELECT samples FROM runs WHERE id = ?", (run,)).fetchone() != (0,):
            raise InputError(f"{file.path}: holds these samples already, as run {run}")
        numbers.append(run)
    return numbers


def add_entries(file: OpenFile, entries: Iterable[tuple[int, Entry]]) -> None:
    """Add samples within the caller's transaction, in less time than :func:`add_samples`.

    Args:
        file: a pool open for writing.
        entries: samples of one question each, with the number of their run, which ``start_runs`` returned; a question
            may come several times, with other indices.
    """
    rows = list[tuple[Any, ...]]()
    added, counts = Counter[int](), Counter[int]()
    for run, entry in entries:
        number = number_of(file, entry.problem.id)
        for sample, correct in zip(entry.samples, entry.correct, strict=True):
            row = to_row(sample, correct)
            rows.append((run, number, *row))
            added[run] += sample_hash(entry.problem.id, row)
        counts[run] += len(entry.samples)
    _insert(file.connection, rows)
    for run, count in counts.items():
        add_to_digest(file.connection, run, added[run], count)


def _insert(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of samples by the columns that any of them uses: binding all of them takes most of the time."""
    names = ("run", "problem", *COLUMNS)
    used = [i for i, column in enumerate(zip(*rows, strict=True)) if column.count(None) < len(column)]
    columns = ", ".join(names[i] for i in used)
    statement = f"INSERT INTO samples ({columns}) VALUES ({', '.join('?' * len(used))})"
    connection.executemany(statement, map(itemgetter(*used), rows))


def _held(file: OpenFile, run: int, problem_id: str, sample: Sample) -> InputError:
    return InputError(
        f"{file.path}: run {run} holds sample {sample.index} of question {problem_id!a} already; samples are never "
        "overwritten, so draw the indices that missing() names"
    )
