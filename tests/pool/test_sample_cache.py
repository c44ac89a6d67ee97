"""The sample cache in a pool: what was put is found again, whole and truncated draws apart."""

from __future__ import annotations

from pathlib import Path

from tts.pool import PoolSampleCache, PoolStore, RunKey
from tts.types import GROUP_BELOW, End, Problem, Sample, Trace

PROBLEM = Problem("q", "?", "4")


def test_a_sample_is_found_again_with_its_grade(tmp_path: Path) -> None:
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        store.add_problem(PROBLEM)
        run = store.open_run(RunKey("m"), {})
        cache = PoolSampleCache(store, run, lambda problem, sample: sample.answer == problem.gold)
        assert cache.get(PROBLEM, 0) is None
        cache.put(PROBLEM, Sample("so 4", "4"))
        assert cache.get(PROBLEM, 0) == Sample("so 4", "4")
        assert (cache.stored, cache.truncated) == (1, 0)
        assert store.to_pool().entries[0].correct == (True,)


def test_truncated_draws_stand_in_another_run(tmp_path: Path) -> None:
    until, sample = GROUP_BELOW(1.0, 1), Sample("so", end=End.BOUNDARY, trace=Trace(top=(0.5,)))
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        store.add_problem(PROBLEM)
        run = store.open_run(RunKey("m"), {})
        cache = PoolSampleCache(store, run, truncated_run=lambda: store.open_run(RunKey("other"), {}))
        cache.put(PROBLEM, sample, until)
        assert cache.get(PROBLEM, 0) is None
        assert cache.get(PROBLEM, 0, until) == sample
        assert (cache.stored, cache.truncated) == (0, 1)
