"""Trees of strategies that continue draws: kept whole with their decision, apart from independent draws."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evals.replay.independent import dependence
from tests.pool.sqlite.cases import KEY, PROBLEM, filled
from tts.errors import InputError
from tts.pool import PoolSampleCache, PoolStore, load_pool
from tts.pool.sqlite.merge import merge_pools
from tts.pool.trees import PoolTrees
from tts.types import Decision, End, Problem, Sample, Usage

COST = Usage(5, 0, 2, 0, 3, 1)
PAUSED = Sample("so", None, End.BOUNDARY, 0.25, 0, (7, 8), usage=COST)
PRUNED = replace(PAUSED, index=1, confidence=0.125)
FORK = Sample("so 4", "4", confidence=0.5, index=2, token_ids=(7, 8, 9), usage=COST, given=2, parent=0)
DECISION = Decision("4", (PAUSED, PRUNED, FORK), "budget", vote_share=1.0, usage=Usage(15))
TREE = replace(KEY, sampling={**KEY.sampling, "tree": {"name": "guided"}})


def trees_in(store: PoolStore) -> PoolTrees:
    store.add_problem(PROBLEM)
    scorer = store.open_scorer("judge", {"name": "judge"})
    run = store.open_run(TREE, {}, scorer=scorer)
    return PoolTrees(store, run, lambda problem, sample: sample.answer == problem.gold, scorer=scorer)


def made(path: Path) -> Path:
    with PoolStore.create_or_open(path) as store:
        trees_in(store).put(PROBLEM, DECISION)
    return path


@pytest.mark.parametrize("name", ["p.sqlite", "p.pool"])
def test_a_tree_is_read_again_with_its_parents_values_and_decision(tmp_path: Path, name: str) -> None:
    path = made(tmp_path / name)
    with PoolStore.create_or_open(path) as store:
        store.decided(PROBLEM.id)
        store.seal()
        trees = trees_in(store)
        trees.put(PROBLEM, replace(DECISION, answer="5"))
        assert trees.stored == 0
    (entry,) = load_pool(path).entries
    assert entry.samples == (PAUSED, PRUNED, FORK) and entry.correct == (None, None, True)
    with PoolStore.read(path) as store:
        assert store.decisions(1) == {
            "q1": {
                "answer": "4",
                "p_correct": None,
                "vote_share": 1.0,
                "stopped_by": "budget",
                "usage": {"prompt": 15, **dict.fromkeys(Usage.__slots__[1:], 0)},
            }
        }


def test_whole_samples_are_read_by_default_and_trees_are_no_independent_draws(tmp_path: Path) -> None:
    filled(path := tmp_path / "p.sqlite", Sample("4", "4"))
    made(path)
    assert load_pool(path).runs == (1,) and dependence(load_pool(path)) == ""
    assert "continue a prefix" in dependence(load_pool(path, run=2))
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("q2", "?", "4"))
        run = store.open_run(replace(TREE, model="other"), {})
        store.add(run, "q2", [PAUSED])
    assert dependence(load_pool(path, run=3)).startswith("run 3 holds the trees of a strategy")
    with pytest.raises(InputError, match="run 2 holds draws that a strategy continued"):
        load_pool(path, run=[1, 2])


def test_a_cache_without_runs_of_trees_keeps_none(tmp_path: Path) -> None:
    with PoolStore.create_or_open(tmp_path / "p.sqlite") as store:
        assert PoolSampleCache(store, store.open_run(KEY, {})).trees({"name": "guided"}) is None


def test_an_older_file_has_no_decisions_until_it_is_written(tmp_path: Path) -> None:
    filled(path := tmp_path / "p.sqlite", Sample("4", "4"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE decisions")
        connection.execute("ALTER TABLE samples DROP COLUMN parent")
        connection.commit()
    assert load_pool(path).entries[0].samples == (Sample("4", "4"),)
    with PoolStore.read(path) as store:
        assert store.decisions(1) == {}
    made(path)
    assert load_pool(path, run=2).entries[0].samples[2].parent == 0
    with PoolStore.read(path) as store:
        assert [*store.decisions(2)] == ["q1"]


def test_a_merge_copies_decisions_and_a_parent_comes_before_its_sample(tmp_path: Path) -> None:
    merge_pools([made(tmp_path / "p.sqlite")], tmp_path / "q.sqlite")
    with PoolStore.read(tmp_path / "q.sqlite") as store:
        assert store.decisions(1)["q1"]["answer"] == "4"
    with pytest.raises(InputError, match="parent must be the index of a sample before this one, got 2 for sample 2"):
        filled(tmp_path / "r.sqlite", replace(FORK, parent=2))
