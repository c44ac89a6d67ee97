"""A run of a pool file that is read while another process may write to it: each read sees what was committed before.

The file is open during a read alone, so that its writer can put everything into the one file when it ends.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tts.errors import InputError
from tts.pool.entries import Fields
from tts.pool.parts.folder import database
from tts.pool.records import Entry
from tts.pool.runs import Run
from tts.pool.sqlite.connect import open_reader
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.openings import runs_of
from tts.pool.sqlite.run_reader import entries_between

WRITTEN_S = 600.0
"""Seconds for which a file counts as being written after the last write to its log."""
_SIZES = "SELECT problem, count(*) FROM samples WHERE run = ? GROUP BY problem"

_PROBLEM_TEXTS = (
    "SELECT number, id || char(10) || question || char(10) || coalesce(gold, '') || char(10) || coalesce(accepted, '') "
    "FROM problems WHERE number BETWEEN ? AND ?"
)
_SAMPLE_TEXTS = (
    "SELECT problem, group_concat(coalesce(answer, '') || char(10) || text, char(10)) FROM samples "
    "WHERE run = ? AND problem BETWEEN ? AND ? GROUP BY problem"
)
_TEXT: frozenset[Fields] = frozenset(("text",))


@dataclass(frozen=True, slots=True)
class RunState:
    """The samples of a run at a moment, by their number and a version.

    Attributes:
        version: differs whenever its samples, answers, signals or scores differ.
        samples: the number of its samples.
    """

    version: str
    samples: int


class GrowingRun:
    """One run of a pool file.

    Attributes:
        path: the file, as given.
        number: the run's number.
    """

    def __init__(self, path: str, number: int) -> None:
        """Take the file and the run, which need not have samples yet."""
        self.path, self.number = path, number

    def state(self) -> RunState:
        """Return what the run holds now.

        Raises:
            InputError: the file cannot be read, or has no such run.
        """
        with self._open() as file:
            row = file.connection.execute(
                "SELECT digest, reading, samples FROM runs WHERE id = ?", (self.number,)
            ).fetchone()
        if row is None:
            raise InputError(f"{self.path}: no run {self.number}; `tts pool info {self.path}` lists those it holds")
        return RunState(f"{row[0]} {row[1]}", int(row[2]))

    def run(self) -> Run:
        """Return the run with its configuration.

        Raises:
            InputError: as :meth:`state`.
        """
        with self._open() as file:
            return next(run for run in runs_of(file.connection) if run.id == self.number)

    def sizes(self) -> dict[int, int]:
        """Return the samples of each question that has any, by its number in the file, in ascending order.

        Raises:
            InputError: as :meth:`state`.
        """
        with self._open() as file:
            found: dict[int, int] = dict(file.connection.execute(_SIZES, (self.number,)).fetchall())
            sealed = {} if file.sealed is None else file.sealed.sizes(self.number)
        for question, samples in sealed.items():
            found[question] = found.get(question, 0) + samples
        return dict(sorted(found.items()))

    def entries(self, questions: Sequence[int], fields: frozenset[Fields]) -> list[Entry]:
        """Return questions with their samples; one without samples is left out.

        Args:
            questions: numbers of questions in the file.
            fields: the fields of samples to read; others may be missing.

        Raises:
            InputError: as :meth:`state`.
        """
        found: dict[int, Entry] = {}
        with self._open() as file:
            (model,) = file.connection.execute("SELECT model FROM runs WHERE id = ?", (self.number,)).fetchone()
            for first, last in _stretches(questions):
                found |= entries_between(file, self.number, model, first, last, fields)
        return [found[question] for question in questions if question in found]

    def texts(self, questions: Sequence[int]) -> dict[int, str]:
        """Return the texts of questions, each with its id, gold answers, and the answers and texts of its samples.

        Args:
            questions: numbers of questions in the file.

        Raises:
            InputError: as :meth:`state`.
        """
        found: dict[int, list[str]] = {}
        with self._open() as file:
            for first, last in _stretches(questions):
                for number, text in file.connection.execute(_PROBLEM_TEXTS, (first, last)):
                    found[number] = [text]
                for number, text in file.connection.execute(_SAMPLE_TEXTS, (self.number, first, last)):
                    found[number].append(text)
                sealed = {} if file.sealed is None else file.sealed.samples(self.number, first, last, _TEXT)
                for number, graded in sealed.items():
                    found[number] += [f"{sample.answer or ''}\n{sample.text}" for sample, _ in graded]
        return {number: "\n".join(parts) for number, parts in found.items()}

    def numbers(self, ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers in the file of questions by their ids; unknown ones are left out.

        Raises:
            InputError: as :meth:`state`.
        """
        wanted = set(ids)
        with self._open() as file:
            rows = file.connection.execute("SELECT id, number FROM problems").fetchall()
        return {name: number for name, number in rows if name in wanted}

    def questions(self) -> int:
        """Return the number of questions in the file, those without samples among them.

        Raises:
            InputError: as :meth:`state`.
        """
        with self._open() as file:
            (count,) = file.connection.execute("SELECT count(*) FROM problems").fetchone()
        return int(count)

    @property
    def written(self) -> bool:
        """True while a process writes to the file: its log is there, and was written within ``WRITTEN_S`` seconds."""
        log = Path(f"{database(self.path)}-wal")
        try:
            found = log.stat()
        except OSError:
            return False
        return found.st_size > 0 and time.time() - found.st_mtime < WRITTEN_S

    @contextmanager
    def _open(self) -> Iterator[OpenFile]:
        file = OpenFile(self.path, open_reader(self.path), None)
        try:
            with file.snapshot():
                yield file
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path}: cannot be read ({error})") from error
        finally:
            file.close()


def _stretches(questions: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each stretch of neighbouring numbers."""
    start = end = None
    for question in sorted(set(questions)):
        if end is not None and question == end + 1:
            end = question
            continue
        if start is not None and end is not None:
            yield start, end
        start = end = question
    if start is not None and end is not None:
        yield start, end
