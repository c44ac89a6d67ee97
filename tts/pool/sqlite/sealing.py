"""Samples that move from a pool's database to a part, and parts that are replaced by others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tts.errors import InputError
from tts.pool.check import sample_fault
from tts.pool.facts import Facts, facts_of, joined_facts
from tts.pool.parquet.files import in_groups
from tts.pool.parts.folder import PARTS, database
from tts.pool.parts.indices import to_text
from tts.pool.parts.part_file import write_part
from tts.pool.parts.sealed import facts_text
from tts.pool.records import Entry
from tts.pool.rows import COLUMNS, PROBLEM_COLUMNS, from_row, sample_hash, to_problem, to_row
from tts.pool.sqlite.open_file import OpenFile
from tts.types import Problem, Sample

PART = 200_000
"""Samples of decided questions that are gathered before they are sealed."""
_AT_ONCE = 500
"""The questions whose rows are read by one statement."""

Read = Callable[[Problem, Sample], tuple[str | None, bool | None]]
_Row = tuple[int, int, int, int, int, str]
"""A question of a part: run, number, row group, first row, rows, and the numbers of the samples."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A part that was written and is not listed yet.

    Attributes:
        part: its number.
        rows: its questions.
        length: its bytes.
        facts: the counts of its samples, by run.
        old: the part whose place it takes; None where its samples stand in the database.
        difference: what it changes in the digest of a run.
    """

    part: int
    rows: Sequence[_Row]
    length: int
    facts: dict[int, Facts]
    old: int | None = None
    difference: int = 0


def seal(file: OpenFile, problems: Iterable[int]) -> int:
    """Move all samples of some questions from the database to a new part; return their number.

    Args:
        file: a pool that grows, open for writing, without a transaction.
        problems: the numbers of the questions.

    Raises:
        InputError: the part cannot be written; the samples stay where they are.
    """
    wanted = sorted(problems)
    written = _write(file, _live(file, wanted))
    with file.transaction():
        _list(file, written)
        file.connection.executemany(
            "DELETE FROM samples WHERE run = ? AND problem = ?", ((run, number) for run, number, *_ in written.rows)
        )
    file.connection.execute("PRAGMA incremental_vacuum").fetchall()  # gives the space of the moved rows back
    return sum(row[4] for row in written.rows)


def live_samples(file: OpenFile, problem: int) -> int:
    """Return the samples of a question in the database."""
    (count,) = file.connection.execute(
        "SELECT count(*) FROM samples WHERE problem = ? AND run IN (SELECT id FROM runs)", (problem,)
    ).fetchone()
    return int(count)


def reread_parts(file: OpenFile, run: int, read: Read) -> list[Replacement]:
    """Write the parts that hold samples of a run with their answers read anew; :func:`take_over` then lists them.

    Args:
        file: a pool that grows, open for writing, without a transaction.
        run: the run's number.
        read: returns the answer and the grade of a sample.

    Raises:
        InputError: an answer or a grade that cannot be kept, or a part that cannot be written.
    """
    parts = file.connection.execute("SELECT DISTINCT part FROM sealed WHERE run = ? ORDER BY part", (run,)).fetchall()
    found = []
    for (part,) in parts:
        hashes = [0]

        def changed(at: int, entry: Entry, hashes: list[int] = hashes) -> Entry:
            return _reread(entry, read, hashes) if at == run else entry

        groups = ((at, [changed(at, entry) for entry in entries]) for at, entries in _of_part(file, part))
        found.append(replace(_write(file, groups), old=part, difference=hashes[0]))
    return found


def read_anew(problem: Problem, sample: Sample, read: Read) -> tuple[str | None, bool | None]:
    """Return the answer and the grade of a sample by another rule; calls of tools stay the answer that they are.

    Raises:
        InputError: one that cannot be kept.
    """
    if sample.calls:
        return sample.answer, None
    answer, grade = read(problem, sample)
    if fault := sample_fault(Sample(answer=answer), grade):
        raise InputError(f"question {problem.id!a}, sample {sample.index}: {fault}")
    return answer, grade


def take_over(file: OpenFile, replaced: Sequence[Replacement]) -> int:
    """List new parts in place of old ones within the caller's transaction; return what the digest of the run gains."""
    for one in replaced:
        file.connection.execute("DELETE FROM sealed WHERE part = ?", (one.old,))
        file.connection.execute("DELETE FROM part_facts WHERE part = ?", (one.old,))
        file.connection.execute("UPDATE parts SET listed = 0 WHERE id = ?", (one.old,))
        _list(file, one)
    return sum(one.difference for one in replaced)


def _write(file: OpenFile, groups: Iterable[tuple[int, Sequence[Entry]]]) -> Replacement:
    """Announce a part and write it."""
    numbers = dict(file.connection.execute("SELECT id, number FROM problems").fetchall())
    rows: list[_Row] = []
    facts: dict[int, list[Facts]] = {}

    def noted() -> Iterator[tuple[int, Sequence[Entry]]]:
        for place, (run, entries) in enumerate(groups):
            first = 0
            for entry in entries:
                indices = to_text(sample.index for sample in entry.samples)
                rows.append((run, numbers[entry.problem.id], place, first, len(entry.samples), indices))
                first += len(entry.samples)
            facts.setdefault(run, []).append(facts_of(entries))
            yield run, entries

    part, path = _announced(file)
    length = write_part(path, noted())
    return Replacement(part, rows, length, {run: joined_facts(found) for run, found in facts.items()})


def _announced(file: OpenFile) -> tuple[int, Path]:
    """Return the number and the place of a new part, which is not listed yet."""
    with file.transaction():
        (last,) = file.connection.execute("SELECT coalesce(max(id), 0) FROM parts").fetchone()
        name = f"part-{last + 1:06d}-{os.urandom(4).hex()}.parquet"
        file.connection.execute("INSERT INTO parts (id, file) VALUES (?, ?)", (last + 1, name))
    return last + 1, database(file.path).parent / PARTS / name


def _list(file: OpenFile, written: Replacement) -> None:
    samples = sum(row[4] for row in written.rows)
    file.connection.execute(
        "UPDATE parts SET samples = ?, bytes = ?, listed = 1 WHERE id = ?", (samples, written.length, written.part)
    )
    file.connection.executemany(
        "INSERT INTO sealed (run, problem, part, place, first, samples, indices) VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((run, number, written.part, *rest) for run, number, *rest in written.rows),
    )
    file.connection.executemany(
        "INSERT INTO part_facts (part, run, facts) VALUES (?, ?, ?)",
        ((written.part, run, facts_text(found)) for run, found in written.facts.items()),
    )


def _live(file: OpenFile, problems: Sequence[int]) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Yield the samples of some questions in the database in row groups, by run and question."""
    runs = [run for (run,) in file.connection.execute("SELECT id FROM runs ORDER BY id").fetchall()]
    for run in runs:
        for group in in_groups(_live_entries(file, run, problems)):
            yield run, group


def _live_entries(file: OpenFile, run: int, problems: Sequence[int]) -> Iterator[Entry]:
    for start in range(0, len(problems), _AT_ONCE):
        some = problems[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        known = _problems(file, some)
        rows = file.connection.execute(
            f"SELECT problem, {', '.join(COLUMNS)} FROM samples WHERE run = ? AND problem IN ({marks}) "
            "ORDER BY problem, idx",
            (run, *some),
        )
        for number, group in groupby(rows, key=lambda row: row[0]):
            graded = [from_row(row[1:]) for row in group]
            yield _entry(known[number], graded)


def _of_part(file: OpenFile, part: int) -> Iterator[tuple[int, Sequence[Entry]]]:
    """Yield the row groups of a part as they are."""
    assert file.sealed is not None
    rows = file.connection.execute(
        "SELECT run, problem, place, first, samples FROM sealed WHERE part = ? ORDER BY place, first", (part,)
    ).fetchall()
    for _, group in groupby(rows, key=lambda row: row[2]):
        questions = list(group)
        run, numbers = questions[0][0], [number for _, number, *_ in questions]
        known = _problems(file, numbers)
        graded = file.sealed.samples(run, min(numbers), max(numbers), part=part)
        yield run, [_entry(known[number], graded[number]) for number in numbers]


def _problems(file: OpenFile, numbers: Sequence[int]) -> dict[int, tuple[Problem, dict[str, str]]]:
    rows = file.connection.execute(
        f"SELECT number, {PROBLEM_COLUMNS}, meta FROM problems WHERE number BETWEEN ? AND ?",
        (min(numbers), max(numbers)),
    )
    return {number: (to_problem(columns), json.loads(meta)) for number, *columns, meta in rows}


def _entry(problem: tuple[Problem, dict[str, str]], graded: Sequence[tuple[Sample, bool | None]]) -> Entry:
    samples, correct = zip(*graded, strict=True)
    return Entry.checked(problem[0], samples, correct, problem[1], {})


def _reread(entry: Entry, read: Read, hashes: list[int]) -> Entry:
    """Return a question with its answers read anew; the difference of the hashes is added up."""
    found: list[tuple[Sample, bool | None]] = []
    for sample, correct in zip(entry.samples, entry.correct, strict=True):
        answer, grade = read_anew(entry.problem, sample, read)
        new = replace(sample, answer=answer)
        found.append((new, grade))
        hashes[0] += _hash(entry.problem.id, new, grade) - _hash(entry.problem.id, sample, correct)
    return _entry((entry.problem, dict(entry.meta)), found)


def _hash(problem_id: str, sample: Sample, correct: Any) -> int:
    return sample_hash(problem_id, to_row(sample, correct))
