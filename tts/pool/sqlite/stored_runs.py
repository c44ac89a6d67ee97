"""The reading half of an open pool."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Self

from tts.errors import InputError
from tts.pool.parts.folder import unlisted
from tts.pool.records import Pool, Score
from tts.pool.rows import from_row
from tts.pool.runs import Run, RunKey
from tts.pool.sqlite import openings, schema
from tts.pool.sqlite.connect import open_reader
from tts.pool.sqlite.counts import QuestionAnswers, answers_of, golds_of
from tts.pool.sqlite.decisions import decisions_of
from tts.pool.sqlite.open_file import OpenFile
from tts.pool.sqlite.problems import number_of, problems_of
from tts.pool.sqlite.run_reader import RunReader
from tts.pool.sqlite.scores import READ_SCORE, scorers_of
from tts.types import Problem, Sample


class StoredRuns:
    """An open pool, as far as it is read."""

    def __init__(self, file: OpenFile) -> None:
        """Take over an open file."""
        self._file = file
        self._path, self._connection = file.path, file.connection

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open for reading, also while another process writes: reads see what was committed when they began.

        Raises:
            InputError: for another suffix, a missing file, or a file that is no pool.
        """
        return cls(OpenFile(str(path), open_reader(path), None))

    def scorers(self) -> dict[str, Mapping[str, object]]:
        """The key of every scorer of the file by its label."""
        return scorers_of(self._connection)

    def score(self, run: int, scorer: int, problem_id: str, index: int) -> Score | None:
        """One scorer's score of a sample, or None where it has not judged it (yet)."""
        row = self._connection.execute(READ_SCORE, (run, scorer, problem_id, index)).fetchone()
        return None if row is None else Score(*row)

    def problems(self) -> tuple[Problem, ...]:
        """Every question of the file, in the order added."""
        return problems_of(self._connection)

    def get(self, run: int, problem_id: str, index: int) -> Sample | None:
        """One sample of a question, or None where the run does not hold it (yet)."""
        row = self._connection.execute(schema.READ_SAMPLE, (run, problem_id, index)).fetchone()
        if row is not None or self._file.sealed is None:
            return None if row is None else from_row(row)[0]
        return self._file.sealed_sample(run, problem_id, index)

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
        known = {idx for (idx,) in found}
        if self._file.sealed is not None:
            known |= self._file.sealed.indices(run, number_of(self._file, problem_id))
        return sorted(set(range(n)) - known)

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
        return answers_of(self._file, run)

    def golds(self, run: int) -> set[tuple[str, ...]]:
        """The right answers of each question of a run that has any."""
        return golds_of(self._file, run)

    def decisions(self, run: int) -> dict[str, dict[str, Any]]:
        """The decisions on the trees of a run, by the id of the question; empty of a run of other draws."""
        return decisions_of(self._connection, run)

    def latest_run(self) -> int:
        """The run of whole samples that was opened last; draws that a strategy may truncate or continue come after.

        Raises:
            InputError: there is none.
        """
        found = self._connection.execute(
            "SELECT r.id FROM runs r JOIN openings o ON o.run = r.id WHERE r.samples > 0 "
            "ORDER BY json_type(r.sampling, '$.until') IS NOT NULL OR json_type(r.sampling, '$.tree') IS NOT NULL, "
            "o.id DESC LIMIT 1"
        ).fetchone()
        if found is None:
            raise InputError(f"{self._path}: holds no samples yet")
        return int(found[0])

    def unlisted(self) -> list[str]:
        """The files among the parts that the pool does not list, and does not read."""
        return unlisted(self._connection, self._path)

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
            held = ", ".join(str(one.id) for one in self.runs())
            raise InputError(
                f"{self._path}: no run {run}; it holds "
                + (f"{held}, which `tts pool info {self._path}` shows" if held else "no runs yet")
            )
        return RunKey.from_columns(*found)
