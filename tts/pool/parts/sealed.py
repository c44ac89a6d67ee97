"""The samples of a pool that stand in its parts, found by the table ``sealed`` of its database."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tts.pool.entries import ALL, Fields
from tts.pool.facts import Facts
from tts.pool.parts.indices import from_text
from tts.pool.parts.part_file import Graded, PartFiles
from tts.pool.rows import TRACE_ROW, to_trace
from tts.types import Sample, Trace

_ROWS = (
    "SELECT s.problem, p.file, s.place, s.first, s.samples, s.part FROM sealed s JOIN parts p ON p.id = s.part "
    "WHERE s.run = ? AND s.problem BETWEEN ? AND ? ORDER BY s.part, s.place, s.first"
)
_ALL = 1 << 62


class Sealed:
    """The sealed samples of an open pool."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        """Take the connection and the folder of the parts, which need not exist."""
        self._connection, self._files = connection, PartFiles(folder)

    def sizes(self, run: int) -> dict[int, int]:
        """Return the sealed samples of each question of a run, by its number."""
        rows = self._connection.execute(
            "SELECT problem, sum(samples) FROM sealed WHERE run = ? GROUP BY problem", (run,)
        )
        return dict(rows.fetchall())

    def indices(self, run: int, problem: int) -> set[int]:
        """Return the numbers of the sealed samples of a question."""
        rows = self._connection.execute("SELECT indices FROM sealed WHERE run = ? AND problem = ?", (run, problem))
        return {index for (text,) in rows for index in from_text(text)}

    def samples(
        self, run: int, first: int, last: int, fields: frozenset[Fields] = ALL, *, part: int | None = None
    ) -> dict[int, Graded]:
        """Return the sealed samples of some questions of a run, with their grades.

        Args:
            run: the run's number.
            first: the number of the first question.
            last: the number of the last question.
            fields: the fields to read.
            part: the number of the part; None takes all.

        Returns:
            By the number of the question.
        """
        found: dict[int, Graded] = {}
        later = self._later_traces(run, first, last) if "trace" in fields else {}
        rows = self._connection.execute(_ROWS, (run, first, last)).fetchall()
        if part is not None:
            rows = [row for row in rows if row[5] == part]
        for (file, place), group in groupby(rows, key=lambda row: (row[1], row[2])):
            questions = list(group)
            start, end = questions[0][3], questions[-1][3] + questions[-1][4]
            read = self._files.samples(file, place, start, end, fields)
            for problem, _, _, at, count, _ in questions:
                pairs = read[at - start : at - start + count]
                found.setdefault(problem, []).extend(
                    (replace(sample, trace=later.get((problem, sample.index), sample.trace)), grade)
                    if later
                    else (sample, grade)
                    for sample, grade in pairs
                )
        return found

    def answers(self, run: int) -> Iterator[tuple[int, Counter[tuple[str | None, bool | None]], bool]]:
        """Yield the number of each sealed question of a run, its answers with their grades, and if any is continued.

        A question in several parts comes several times; questions come in rising order.
        """
        rows = self._connection.execute(_ROWS.replace("s.part, s.place, s.first", "s.problem, s.part"), (run, 0, _ALL))
        at: tuple[str, int] | None = None
        answers: list[Any] = []
        grades: list[Any] = []
        continued: Any = None
        for problem, file, place, first, samples, _ in rows.fetchall():
            if (file, place) != at:
                at = file, place
                batch = self._files.group(file, place, ("answer", "correct", "given"))
                answers, grades = batch.column("answer").to_pylist(), batch.column("correct").to_pylist()
                continued = batch.column("given")
            some = slice(first, first + samples)
            forked = continued.null_count < len(continued) and continued[some].null_count < samples
            yield problem, Counter(zip(answers[some], grades[some], strict=True)), forked

    def one(self, run: int, problem: int, index: int) -> tuple[Sample, bool | None] | None:
        """Return a sealed sample with its grade, or None."""
        if index not in self.indices(run, problem):
            return None
        return next(pair for pair in self.samples(run, problem, problem)[problem] if pair[0].index == index)

    def unanswered(self, run: int) -> Iterator[tuple[int, int]]:
        """Yield the question and the number of each sealed sample of a run that has no answer."""
        rows = self._connection.execute(_ROWS, (run, 0, _ALL)).fetchall()
        for problem, file, place, first, samples, _ in rows:
            batch = self._files.group(file, place, ("answer", "index"))
            if batch.column("answer").null_count:
                some = batch[first : first + samples]
                pairs = zip(some.column("answer").to_pylist(), some.column("index").to_pylist(), strict=True)
                yield from ((problem, index) for answer, index in pairs if answer is None)

    def _later_traces(self, run: int, first: int, last: int) -> dict[tuple[int, int], Trace]:
        """Return the signals that were read of sealed samples, by the number of the question and the index."""
        rows = self._connection.execute(
            f"SELECT problem, idx, {', '.join(TRACE_ROW)} FROM traces WHERE run = ? AND problem BETWEEN ? AND ?",
            (run, first, last),
        )
        return {(number, idx): to_trace(row) for number, idx, *row in rows}

    def facts(self, run: int) -> list[Facts]:
        """Return the counts of a run's samples in each part."""
        rows = self._connection.execute("SELECT facts FROM part_facts WHERE run = ?", (run,))
        return [Facts(**json.loads(text)) for (text,) in rows]

    def close(self) -> None:
        """Close the files."""
        self._files.close()


def facts_text(facts: Facts) -> str:
    """Return counts as JSON, as the table ``part_facts`` holds them."""
    return json.dumps(asdict(facts))
