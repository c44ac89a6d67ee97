"""Runs of a pool file know what failed when they were last opened."""

from __future__ import annotations

from pathlib import Path

from tts.pool import PoolStore, RunKey
from tts.types import Problem, Sample

COUNTS = {"failures": {"draws": 1, "of": 2, "reasons": {"refused": 1}}}


def made(path: Path) -> None:
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("q", "?", "1"))
        store.add(store.open_run(RunKey("m"), {}), "q", [Sample("1", "1")])


def test_the_numbers_of_draws_are_those_of_the_last_opening(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    made(path)
    with PoolStore.create_or_open(path) as store:
        assert [run.draws for run in store.runs()] == [None]
        store.note_draws(1, COUNTS)
        assert [run.draws for run in store.runs()] == [COUNTS]
        store.open_run(RunKey("m"), {})
        assert [run.draws for run in store.runs()] == [None]
