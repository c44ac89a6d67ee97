"""Runs of a pool file know what failed when they were last opened; files of version 5 are read as they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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


def test_a_file_without_numbers_of_draws_is_read_as_it_is_and_gets_them_from_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    made(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("ALTER TABLE openings DROP COLUMN draws; PRAGMA user_version = 5;")
    before = path.read_bytes()
    with PoolStore.read(path) as store:
        assert [(run.samples, run.draws) for run in store.runs()] == [(1, None)]
    assert path.read_bytes() == before
    with PoolStore.create_or_open(path) as store:
        store.note_draws(1, COUNTS)
    with PoolStore.read(path) as store:
        assert [run.draws for run in store.runs()] == [COUNTS]
