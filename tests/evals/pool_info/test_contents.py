"""The table of runs: what each is, how they differ, and what they came to."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.pool_info.contents import pool_info
from tests.pool.cases import small_pool
from tts.errors import InputError
from tts.pool import PoolStore, RunKey, Score, write_jsonl
from tts.types import Problem, Sample


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A run of whole samples with a scorer, a truncated one, a tree, and one without samples."""
    made = tmp_path / "runs.sqlite"
    with PoolStore.create_or_open(made) as store:
        store.add_problems([Problem("a", "?", "7"), Problem("b", "?")])
        judge = store.open_scorer("judge", {"name": "judge"})
        key = RunKey("m", "r1", "Q: {question}", {"temperature": 0.5, "signals": {"top": 2}})
        run = store.open_run(key, {}, reading="number strict", scorer=judge)
        store.add(
            run, "a", [Sample("", "7.0"), Sample("", "8", index=1)], [False, False], scores={judge: {0: Score(1)}}
        )
        store.add(run, "b", [Sample("", "7")])
        cut = RunKey("m", "r1", "Q: {question}", {"temperature": 0.5, "until": "group_below"})
        store.add(store.open_run(cut, {}), "a", [Sample("", "7")])
        store.add(store.open_run(RunKey("m", "r2"), {}), "a", [Sample("xy", "7", token_ids=(1, 2), given=1)])
        store.open_run(RunKey("other"), {})
    return made


def test_each_run_has_its_differences_kind_and_accuracy(path: Path) -> None:
    said: list[str] = []
    info = pool_info(path, notify=said.append)
    whole, cut, tree, empty = info.runs
    assert [one.draws for one in info.runs] == ["whole", "truncated", "tree", "whole"]
    assert whole.differs == {
        "temperature": 0.5, "signals.top": 2, "revision": "r1", "reading": "number strict", "prompt": "A"
    }  # fmt: skip
    assert (cut.differs["prompt"], tree.differs) == ("A", {"revision": "r2", "prompt": "B"})
    assert (whole.questions, whole.run.samples, whole.grades.accuracy, whole.run.scorers) == (2, 3, 0.0, ("judge",))
    assert (cut.grades.accuracy, empty.grades.accuracy, empty.questions) == (1.0, None, 0)
    assert info.pool is not None and info.pool.runs == (3,) and "run 3, the latest of 4" in said[0]
    assert info.sentences == ["run 1: 1 sample marked wrong equals the gold answer under answers=number"]
    assert "top=2, temperature=0.5" in info.table.to_csv() and "truncated" in info.table.to_csv()
    assert info.mapping["summary"]["runs"] == [3] and info.mapping["runs"][0]["wrong_but_equal"] == 1


def test_a_named_run_is_summarised(path: Path) -> None:
    summary = pool_info(path, run=(1,)).summary
    assert summary is not None and (summary["samples"], summary["accuracy"]) == (3, 0.0)
    with pytest.raises(InputError, match="no run 9"):
        pool_info(path, run=(9,))


def test_a_file_without_runs_has_a_summary_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    write_jsonl(small_pool(), path)
    info = pool_info(path)
    assert info.runs == () and info.summary is not None and info.summary["questions"] == 2 and info.sentences == []


def test_a_file_without_samples_has_a_table_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    with PoolStore.create_or_open(path) as store:
        store.open_run(RunKey("m"), {})
    info = pool_info(path)
    assert len(info.runs) == 1 and info.summary is None and info.mapping["summary"] is None
