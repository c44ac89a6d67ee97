"""The questions of a pool file, and the answers that are read from their samples."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from tts.errors import InputError
from tts.pool.records import problem_fault
from tts.pool.rows import (
    COLUMNS,
    PROBLEM_COLUMNS,
    TRACE_ROW,
    from_row,
    problem_row,
    sample_hash,
    to_problem,
    to_row,
    trace_row,
)
from tts.pool.sqlite import schema
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.scores import add_to_digest
from tts.pool.sqlite.sealing import Read, Replacement, read_anew, take_over
from tts.types import Problem, Trace


def add_problems(file: OpenFile, problems: Iterable[Problem | tuple[Problem, Mapping[str, str]]]) -> None:
    """Add questions within the caller's transaction; one that is there already, equal in every field, stays as it is.

    Raises:
        InputError: where the id is there with other content, or a field cannot be kept.
    """
    for item in problems:
        problem, meta = item if isinstance(item, tuple) else (item, {})
        if fault := problem_fault(problem, meta):
            raise InputError(f"{file.path}: question {problem.id!a}: {fault}")
        row = (*problem_row(problem), json.dumps(dict(meta), sort_keys=True))
        known = file.connection.execute(
            f"SELECT {PROBLEM_COLUMNS}, meta FROM problems WHERE id = ?", (problem.id,)
        ).fetchone()
        if known is None:
            columns = f"({PROBLEM_COLUMNS}, meta) VALUES (?, ?, ?, ?, ?, ?, ?)"
            file.connection.execute(f"INSERT INTO problems {columns}", row)
        elif known != row:
            raise InputError(
                f"{file.path}: question {problem.id!a} is there already with another text, gold, chat, task or "
                "meta; use another id or another file"
            )


def problems_of(connection: sqlite3.Connection) -> tuple[Problem, ...]:
    """Return every question of an open pool, in the order added."""
    rows = connection.execute(f"SELECT {PROBLEM_COLUMNS} FROM problems ORDER BY number")
    return tuple(to_problem(row) for row in rows)


def number_of(file: OpenFile, problem_id: str) -> int:
    """Return the number of a question within the file.

    Raises:
        InputError: for an unknown question.
    """
    found = file.connection.execute("SELECT number FROM problems WHERE id = ?", (problem_id,)).fetchone()
    if found is None:
        raise InputError(f"{file.path}: no question {problem_id!a}; add it with add_problem first")
    return int(found[0])


def reread(
    file: OpenFile,
    run: int,
    reading: str,
    read: Read,
    replaced: Sequence[Replacement],
) -> int:
    """Read the answers of a run's samples by another rule within the caller's transaction; return their number.

    Args:
        file: a pool open for writing.
        run: the run's number.
        reading: the new rule's name; nothing is done where it is the run's own.
        read: returns the answer and the grade of a sample.
        replaced: the run's parts, with the answers read.

    Raises:
        InputError: an answer or a grade that cannot be kept.
    """
    connection = file.connection
    (known,) = connection.execute("SELECT reading FROM runs WHERE id = ?", (run,)).fetchone()
    if known == reading:
        return 0
    problems = {
        number: to_problem(columns)
        for number, *columns in connection.execute(f"SELECT number, {PROBLEM_COLUMNS} FROM problems")
    }
    changed, difference, at = [], 0, (COLUMNS.index("answer"), COLUMNS.index("correct"))
    for number, *row in connection.execute(schema.READ_SAMPLES, (run,)):
        sample, _ = from_row(row)
        answer, grade = read_anew(problems[number], sample, read)
        new = answer, None if grade is None else int(grade)
        changed.append((*new, run, number, sample.index))
        before = sample_hash(problems[number].id, row)
        for place, value in zip(at, new, strict=True):
            row[place] = value
        difference += sample_hash(problems[number].id, row) - before
    connection.executemany(
        "UPDATE samples SET answer = ?, correct = ? WHERE run = ? AND problem = ? AND idx = ?", changed
    )
    connection.execute("UPDATE runs SET reading = ? WHERE id = ?", (reading, run))
    add_to_digest(connection, run, difference + take_over(file, replaced))
    sealed = sum(row[4] for one in replaced for row in one.rows if row[0] == run)
    return len(changed) + sealed


def put_trace(file: OpenFile, run: int, problem_id: str, index: int, trace: Trace) -> None:
    """Keep the signals that were read of a sample within the caller's transaction."""
    place = run, number_of(file, problem_id), index
    row = file.connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM samples WHERE (run, problem, idx) = (?, ?, ?)", place
    ).fetchone()
    sealed = None if row is not None or file.sealed is None else file.sealed.one(*place)
    if sealed is not None:
        row = to_row(*sealed)
    if row is None:
        return
    new = dict(zip(COLUMNS, row, strict=True)) | dict(zip(TRACE_ROW, trace_row(trace), strict=True))
    values = [new[name] for name in TRACE_ROW]
    if sealed is None:
        file.connection.execute(schema.PUT_TRACE, (*values, *place))
    else:
        file.connection.execute(schema.PUT_SEALED_TRACE, (*place, *values))
    difference = sample_hash(problem_id, tuple(new.values())) - sample_hash(problem_id, row)
    add_to_digest(file.connection, run, difference)
