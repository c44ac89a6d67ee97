"""Runs that are joined: samples of both with new indices, scores by label, and what differs is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts.errors import InputError
from tts.pool import PoolStore, RunKey, Score, load_pool, read_pool
from tts.types import Problem, Sample


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs by two models and scorers, and a third one of truncated draws."""
    made = tmp_path_factory.mktemp("runs") / "runs.sqlite"
    with PoolStore.create_or_open(made) as store:
        store.add_problems([Problem("a", "?"), Problem("b", "?")])
        for model, label, questions in (("one", "x", "a"), ("two", "y", "ab")):
            scorer = store.open_scorer(label, {"name": label})
            run = store.open_run(RunKey(model), {}, scorer=scorer)
            for question in questions:
                samples = [Sample(f"{model} {i}", model, index=i) for i in (0, 2)]
                store.add(run, question, samples, scores={scorer: {0: Score(0.5), 2: Score(0.25)}})
        store.add(store.open_run(RunKey("one", sampling={"until": "group_below"}), {}), "a", [Sample("t")])
    return made


def test_samples_get_new_indices_and_scores_keep_their_labels(path: Path) -> None:
    said: list[str] = []
    pool = read_pool(path, run=(2, 1), notify=said.append)
    assert said == [f"{path}: runs 2, 1 have different models (two, one)"]
    assert (pool.runs, pool.models, pool.scorers) == ((2, 1), ("two + one", "two"), ("y", "x"))
    first, second = pool.entries
    assert [(s.index, s.text) for s in first.samples] == [(0, "two 0"), (2, "two 2"), (3, "one 0"), (5, "one 2")]
    assert first.scores == {"y": (Score(0.5), Score(0.25), None, None), "x": (None, None, Score(0.5), Score(0.25))}
    assert len(second.samples) == 2 and not load_pool(path, run=(1, 2)).has_confidence


def test_one_run_named_twice_is_that_run(path: Path) -> None:
    assert read_pool(path, run=(1, 1)) == read_pool(path, run=1)


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [((1, 3), "run 3 holds draws that a strategy may have truncated"), ((1, 9), "no run 9; it holds 1")],
)
def test_what_cannot_be_joined_is_one_sentence(path: Path, runs: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_pool(path, run=runs)


def test_runs_that_may_hold_the_same_draws_are_pointed_out(tmp_path: Path) -> None:
    made, said = tmp_path / "twice.sqlite", list[str]()
    with PoolStore.create_or_open(made) as store:
        store.add_problem(Problem("a", "?"))
        for signals in ({}, {"signals": {"top": 2}}):
            store.add(store.open_run(RunKey("m", sampling={"seed": 0, **signals}), {}), "a", [Sample("t")])
    assert len(read_pool(made, run=(1, 2), notify=said.append).entries[0].samples) == 2
    assert said == [f"{made}: two of these runs have the same seed and parameters, so they may hold the same draws"]
