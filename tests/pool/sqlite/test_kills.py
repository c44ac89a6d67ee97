"""Pools that grow survive kill -9 while parts are sealed and replaced, and while pools are merged."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.pool.cases import left_in, start
from tests.pool.sqlite import worker
from tests.support.examples import slowly
from tts.pool import PoolStore
from tts.types import Problem

SEALED_S, MERGED_S = 0.12, 0.25
"""The longest time between a word and the kill after it: about what a seal, and a merge, takes."""


def ends(arguments: list[str], word: str, after: float | None, times: int) -> bool:
    """Start the worker, and kill it some time after it has said a word so many times; return whether it ended well."""
    process = start(*arguments)
    assert process.stdout is not None and process.stdin is not None
    done = False
    with process, suppress(BrokenPipeError), process.stdin:
        for line in process.stdout:
            done |= line == "done\n"
            if line == f"{word}\n":
                times -= 1
                with suppress(BrokenPipeError):  # it is dead already
                    process.stdin.write("\n")
                    process.stdin.flush()
                if not times and after is not None:
                    time.sleep(after)
                    process.kill()
    return done


def check(path: Path) -> None:
    """See that every sample is there once, and is what was drawn."""
    with PoolStore.read(path) as store:
        (run,) = store.runs()
        pool = store.to_pool()
        assert run.samples == pool.facts.samples == len(worker.PROBLEMS) * worker.DRAWS
        assert store.unlisted() == []
    for entry in pool.entries:
        assert list(entry.samples) == [worker.drawn(entry.problem.id, i, "0") for i in range(worker.DRAWS)]
        assert set(entry.correct) == {True}


SEEDS = [1, *slowly(*range(2, 6)), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(100, 145))]


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_while_parts_are_sealed_lose_and_double_nothing(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "p.pool", random.Random(seed)
    ended = ends(["grow", str(path)], "sealing", rng.uniform(0, SEALED_S), rng.randint(1, 3))
    with PoolStore.read(path) as store:
        found = {(e.problem.id, s.index) for e in store.to_pool().entries for s in e.samples}
        assert len(found) == store.runs()[0].samples >= 2 * worker.DRAWS
    assert ends(["grow", str(path)], "sealing", None, 0) or ended
    check(path)
    assert left_in(tmp_path) == {"p.pool", "p.pool.lock"}


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_while_pools_are_merged_leave_the_whole_or_nothing(tmp_path: Path, seed: int) -> None:
    rng = random.Random(1000 + seed)
    paths = [tmp_path / "one.sqlite", tmp_path / "two.pool"]
    for path, mine in zip(paths, (worker.PROBLEMS[:3], worker.PROBLEMS[2:]), strict=True):
        with PoolStore.create_or_open(path) as store:
            run = store.open_run(worker.KEY, {})
            for problem_id in mine:
                store.add_problem(Problem(problem_id, "?", "3"))
                store.add(run, problem_id, [worker.drawn(problem_id, i, "0") for i in range(worker.DRAWS)], [True] * 60)
                store.decided(problem_id)
            store.seal()
    out = tmp_path / f"all.{rng.choice(['pool', 'sqlite'])}"
    ended = ends(["merge", *map(str, (*paths, out))], "merging", rng.uniform(0, MERGED_S), 1)
    assert ended == out.exists()
    assert ended or ends(["merge", *map(str, (*paths, out))], "merging", None, 1)
    check(out)
    names = {path.name for path in (*paths, out)}
    assert left_in(tmp_path) == names | {f"{name}.lock" for name in names}
