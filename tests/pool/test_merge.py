"""Pools of equal run keys are joined; what differs is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pool.cases import left_in
from tts.errors import InputError
from tts.pool import PoolStore, RunKey, Score
from tts.pool.sqlite.merge import merge_pools
from tts.types import Problem, Sample

KEY = RunKey("m", "r1", "Q: {question}", {"temperature": 0.7, "seed": 1})


def sample(index: int, text: str = "so 4") -> Sample:
    return Sample(text, "4", index=index, token_ids=(1, 2), started_s=float(index))


def made(
    path: Path, samples: dict[str, Sequence[Sample]], key: RunKey = KEY, *, reading: str = "", text: str = "?"
) -> Path:
    with PoolStore.create_or_open(path) as store:
        judge = store.open_scorer("judge", {"name": "judge"})
        run = store.open_run(key, {"out": path.name}, reading=reading, scorer=judge)
        for name, mine in samples.items():
            store.add_problem(Problem(name, text, "4"), {"level": "1"})
            store.add(run, name, mine, [True] * len(mine), scores={judge: {mine[0].index: Score(0.5, 3)}})
            store.decided(name)
        store.seal()
    return path


@pytest.mark.parametrize("out", ["all.pool", "all.sqlite"])
def test_parts_of_a_run_are_one_run(tmp_path: Path, out: str) -> None:
    one = made(tmp_path / "one.pool", {"a": [sample(0), sample(1)], "b": [sample(0)]})
    late = replace(sample(1), started_s=99.0)
    two = made(tmp_path / "two.sqlite", {"a": [late, sample(2)], "c": [sample(0)]})
    merged = merge_pools([one, two], tmp_path / out)
    assert str(merged) == "1 run, 3 questions, 5 samples; 1 sample that several pools held were kept once"
    with PoolStore.read(tmp_path / out) as store:
        pool = store.to_pool()
        assert [run.key for run in store.runs()] == [KEY] and store.scorers() == {"judge": {"name": "judge"}}
    assert [(e.problem.id, [s.index for s in e.samples], e.meta) for e in pool.entries] == [
        (name, indices, {"level": "1", "model": "m"}) for name, indices in (("a", [0, 1, 2]), ("b", [0]), ("c", [0]))
    ]
    assert pool.entries[0].samples[1].started_s == 1.0
    assert pool.entries[0].scores == {"judge": (Score(0.5, 3), Score(0.5, 3), None)}
    with pytest.raises(InputError, match=rf"{out} exists already: give another name, or --force"):
        merge_pools([one, two], tmp_path / out)
    assert merge_pools([one, two], tmp_path / out, force=True) == merged
    assert not any(name.startswith(".tmp") for name in left_in(tmp_path))


def test_what_differs_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    one = made(tmp_path / "one.sqlite", {"a": [sample(0)]})
    other = made(tmp_path / "other.sqlite", {"a": [sample(0, "no 5")]})
    seed = made(tmp_path / "seed.sqlite", {"a": [sample(0)]}, replace(KEY, model="n", sampling={"seed": 2}))
    task = made(tmp_path / "task.sqlite", {"a": [sample(1)]}, text="another")
    before = left_in(tmp_path)
    for pools, sentence in (
        ([one, other], r"other\.sqlite: sample 0 of question 'a' in run 1 is another one in the pools before it"),
        (
            [one, seed],
            r"seed\.sqlite holds other runs than .*one\.sqlite \(model 'm' and 'n'; seed 1 and 2",
        ),
        ([one, task], r"task\.sqlite: question 'a' is another one in the pools before it"),
        ([one, one], r"one\.sqlite is named twice"),
        ([one, tmp_path / "none.pool"], r"none\.pool: no pool: it is no folder with live\.sqlite"),
    ):
        with pytest.raises(InputError, match=sentence):
            merge_pools(pools, tmp_path / "all.pool")
        assert left_in(tmp_path) - {"all.pool.lock"} == before


def test_other_readings_are_named(tmp_path: Path) -> None:
    one = made(tmp_path / "one.sqlite", {"a": [sample(0)]}, reading="number")
    two = made(tmp_path / "two.sqlite", {"a": [sample(1)]}, reading="text")
    said: list[str] = []
    merge_pools([one, two], tmp_path / "all.sqlite", notify=said.append)
    assert len(said) == 1 and "two.sqlite: answers of run 1 were read by 'text', those before by 'number'" in said[0]


def test_a_replaced_folder_is_not_lost_where_a_process_dies_between_the_renames(tmp_path: Path) -> None:
    one = made(tmp_path / "one.sqlite", {"a": [sample(0)]})
    merge_pools([one], tmp_path / "all.pool")
    (tmp_path / "all.pool").rename(tmp_path / ".old-all.pool")
    other = made(tmp_path / "other.sqlite", {"a": [sample(0)]}, text="another")
    with pytest.raises(InputError, match="is another one"):
        merge_pools([one, other], tmp_path / "all.pool")
    with PoolStore.read(tmp_path / "all.pool") as store:
        assert store.to_pool().facts.samples == 1
    assert not any(name.startswith((".tmp", ".old")) for name in left_in(tmp_path))
