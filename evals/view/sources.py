"""The questions of a run as a view reads them: by key, at any time, also while the run is under way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evals.report_page.tree_runs import trees_of_runs
from tts.errors import InputError
from tts.pool import Entry, Pool, PoolStore, Run, load_pool
from tts.pool.entries import Fields
from tts.pool.files import pool_format
from tts.pool.growing.run import GrowingRun


@dataclass(frozen=True, slots=True)
class Contents:
    """The questions of a run at a moment.

    Attributes:
        version: differs whenever the samples differ.
        keys: of the questions that have samples, in their order.
        samples: the number of samples.
        under_way: the number of questions of the task while the run is under way; None where it is not.
    """

    version: str
    keys: Sequence[int]
    samples: int
    under_way: int | None = None


class Source(Protocol):
    """The questions of one run, or of a file without runs."""

    @property
    def path(self) -> str:
        """The file."""
        ...

    @property
    def run(self) -> int | None:
        """The run's number; None of a file without runs."""
        ...

    def contents(self) -> Contents:
        """Return what the run holds now."""
        ...

    def entries(self, keys: Sequence[int], *fields: Fields) -> list[Entry]:
        """Return questions, reading these fields of their samples; those that have none are left out."""
        ...

    def texts(self, keys: Sequence[int]) -> dict[int, str]:
        """Return all texts of questions by key."""
        ...

    def keys_of(self, ids: Sequence[str]) -> list[int | None]:
        """Return the keys of questions by their ids, None for one that is not there."""
        ...

    def stored_run(self) -> Run | None:
        """Return the run with its configuration; None of a file without runs."""
        ...

    def trees(self) -> list[tuple[Source, bool]]:
        """Return the runs of trees that are shown with this one, each with whether it is this one itself."""
        ...


class HeldSource:
    """A pool in memory; a key is the place of a question."""

    run: None = None

    def __init__(self, pool: Pool) -> None:
        """Take the pool."""
        self.path = pool.path
        self._entries = pool.entries
        samples = sum(len(entry.samples) for entry in pool.entries)
        self._contents = Contents(pool.sha256, range(len(pool.entries)), samples)
        self._continued = pool.facts.continued > 0
        self._places = {entry.problem.id: place for place, entry in enumerate(pool.entries)}

    def contents(self) -> Contents:
        """Return what the pool holds."""
        return self._contents

    def entries(self, keys: Sequence[int], *fields: Fields) -> list[Entry]:
        """Return questions; they have every field."""
        del fields
        return [self._entries[key] for key in keys if 0 <= key < len(self._entries)]

    def texts(self, keys: Sequence[int]) -> dict[int, str]:
        """Return all texts of questions by key."""
        return {key: _text(self._entries[key]) for key in keys}

    def keys_of(self, ids: Sequence[str]) -> list[int | None]:
        """Return the places of questions by their ids."""
        return [self._places.get(one) for one in ids]

    def stored_run(self) -> Run | None:
        """Return None: the file has no runs."""
        return None

    def trees(self) -> list[tuple[Source, bool]]:
        """Return the pool itself where its samples continue others."""
        return [(self, True)] if self._continued else []


class StoredSource:
    """A run of a SQLite pool; a key is the number of a question in the file."""

    run: int

    def __init__(self, path: str, run: int) -> None:
        """Take the file and the run."""
        self.path, self.run = path, run
        self._file = GrowingRun(path, run)
        self._known = Contents("", (), 0)

    def contents(self) -> Contents:
        """Return what the run holds now; the questions are listed anew where it has changed."""
        state = self._file.state()
        under_way = self._task_size() if self._file.written else None
        if state.version != self._known.version:
            self._known = Contents(state.version, tuple(self._file.sizes()), state.samples, under_way)
        elif under_way != self._known.under_way:
            self._known = Contents(state.version, self._known.keys, state.samples, under_way)
        return self._known

    def entries(self, keys: Sequence[int], *fields: Fields) -> list[Entry]:
        """Return questions, with the scores of the latest scorer where the samples have no confidence of their own."""
        found = self._file.entries(keys, frozenset(fields))
        return [_scored(entry) for entry in found] if "scores" in fields else found

    def texts(self, keys: Sequence[int]) -> dict[int, str]:
        """Return all texts of questions by key."""
        return self._file.texts(keys)

    def keys_of(self, ids: Sequence[str]) -> list[int | None]:
        """Return the numbers of questions by their ids."""
        numbers = self._file.numbers(ids)
        return [numbers.get(one) for one in ids]

    def stored_run(self) -> Run | None:
        """Return the run with its configuration."""
        return self._file.run()

    def trees(self) -> list[tuple[Source, bool]]:
        """Return the run itself where it holds trees, else the runs of trees of its file that belong to it."""
        if self._file.run().key.draws == "tree":
            return [(self, True)]
        with PoolStore.read(self.path) as store:
            found = trees_of_runs(store.runs(), (self.run,))
        return [(StoredSource(self.path, run.id), False) for run in found]

    def _task_size(self) -> int:
        """Return the number of questions of the run's task: that of its configuration, else those in the file."""
        task = self._file.run().config.get("task")
        wanted = task.get("questions") if isinstance(task, dict) else None
        held = self._file.questions()
        return min(held, wanted) if isinstance(wanted, int) else held


def open_sources(path: str | os.PathLike[str], runs: Sequence[int] | None = None) -> list[Source]:
    """Return the runs of a pool: those that are asked for, else all that hold samples, or the one that was opened last.

    Args:
        path: a SQLite pool, of which runs are read when they are asked for; or another, which is read whole.
        runs: numbers of runs of a SQLite pool.

    Raises:
        InputError: the file cannot be read, or holds no such run or no run at all.
    """
    if pool_format(path) != "sqlite":
        if runs:
            raise InputError(f"{path}: run={','.join(map(str, runs))} was given, but only SQLite pools hold runs")
        return [HeldSource(load_pool(path))]
    with PoolStore.read(path) as store:
        there = store.runs()
    known = {run.id for run in there}
    for number in runs or ():
        if number not in known:
            raise InputError(f"{path}: no run {number}; `tts pool info {path}` lists those it holds")
    if not there:
        raise InputError(f"{path}: holds no runs yet: begin one with `tts run` or `tts sample`")
    held = [run for run in there if run.samples] or [max(there, key=lambda run: run.opened)]
    chosen = runs or [run.id for run in held if run.key.draws != "tree"] or [run.id for run in held]
    return [StoredSource(str(path), number) for number in chosen]


def name_of(source: Source) -> str:
    """Return the name of a source on the page."""
    return Path(source.path).name + ("" if source.run is None else f", run {source.run}")


def _scored(entry: Entry) -> Entry:
    """Return a question with the scores of the last scorer that judged all answers, where it has no confidences."""
    if any(sample.confidence is not None for sample in entry.samples):
        return entry
    for label in reversed(tuple(entry.scores)):
        scores = zip(entry.samples, entry.scores[label], strict=True)
        if all(score is not None for sample, score in scores if sample.answer is not None):
            return Pool("", "", (entry,)).with_scores(label).entries[0]
    return entry


def _text(entry: Entry) -> str:
    problem = entry.problem
    samples = [text for sample in entry.samples for text in (sample.answer or "", sample.text)]
    return "\n".join((problem.id, problem.question, *problem.golds, *samples))
