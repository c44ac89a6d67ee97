"""A small pool file for the tests of the store."""

from __future__ import annotations

from pathlib import Path

from tts.pool import Pool, PoolStore, RunKey
from tts.types import Problem, Sample

KEY = RunKey("toy", "r1", "Q: {question}", {"temperature": 0.7, "n": 1})
PROBLEM = Problem("q1", "2+2?", "4")


def filled(path: Path, *samples: Sample, correct: list[bool | None] | None = None) -> Pool:
    """Make a pool file with one question and these samples, and read it."""
    with PoolStore.create_or_open(path) as store:
        store.add_problem(PROBLEM)
        store.add(store.open_run(KEY, {}), "q1", samples, correct)
    with PoolStore.read(path) as store:
        return store.to_pool()
