"""The numbers of a run are computed in a process, anew when it has grown, and a failure is one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.view.session import View
from evals.view.sources import open_sources
from tests.evals.view.cases import POOL, stored
from tts.pool import PoolStore

pytestmark = pytest.mark.slow
FAST = ("permutations=5", "strategies=self_consistency,esc")


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_numbers_follow_a_run(tmp_path: Path) -> None:
    path = tmp_path / "pool.sqlite"
    stored(path, questions=6)
    view = View(open_sources(path), FAST)
    view.start()
    try:
        [run] = view.runs
        wait(lambda: "positions" in run.known.summary and not run.doing)
        assert run.known.decided is not None and run.known.decided.right.shape == (2, 6)
        before = run.known.decisions
        with PoolStore.create_or_open(path) as store:
            for entry in POOL.entries[6:]:
                store.add(1, entry.problem.id, entry.samples, entry.correct)
        wait(lambda: run.known.decided is not None and run.known.decided.right.shape == (2, 12) and not run.doing)
        assert run.known.decisions != before and Path(run.known.decisions).exists()
        wait(lambda: not Path(before).exists())
    finally:
        view.end()
    assert not Path(run.known.decisions).exists() and run.failed == ""


def test_a_failure_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "pool.sqlite"
    stored(path)
    view = View(open_sources(path), ("budget=99",))
    view.start()
    try:
        wait(lambda: bool(view.runs[0].failed))
        assert "99" in view.runs[0].failed and view.runs[0].doing == ""
        assert view.runs[0].known.counted is not None  # the steps before it stay
    finally:
        view.end()
