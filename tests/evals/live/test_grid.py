"""Runs over several tasks and models: names that are told apart, runs of their own in one pool, and one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tts as library
from evals.live.grid import model_names, task_names
from evals.tasks import TaskConfig
from tests.cli.cases import FAKE, Tts, strict_json
from tts.errors import InputError
from tts.pool import load_pool

ASKED = ("strategies=self_consistency,esc", "budget=3")


def questions(path: Path, count: int, *, of: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [{"question": f"{of} has {n} beads. How many?", "answer": str(n)} for n in range(1, count + 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_names_are_as_short_as_they_can_be() -> None:
    files = [TaskConfig("jsonl", path) for path in ("a/x.jsonl", "b/x.jsonl", "y.jsonl.gz", "y.json")]
    assert task_names(files) == ["a/x", "b/x", "y.jsonl.gz", "y.json"]
    shots = [TaskConfig("gsm8k", shots=shots) for shots in (0, 4, 0)]
    assert task_names([*shots, TaskConfig("svamp")]) == ["gsm8k(shots=0)", "gsm8k(shots=4)", "gsm8k(shots=0)", "svamp"]
    assert model_names(["org/a", "other/a", "org/b", "tiny"]) == ["org/a", "other/a", "b", "tiny"]


def test_a_grid_is_one_table_and_one_pool(tts: Tts, tmp_path: Path) -> None:
    first, second = (
        questions(tmp_path / "a" / "q.jsonl", 4, of="Jack"),
        questions(tmp_path / "b" / "q.jsonl", 6, of="Ann"),
    )
    pool, out, table = tmp_path / "p.sqlite", tmp_path / "g.json", tmp_path / "t.csv"
    arguments = ("run", first, second, "model=[m1,m2]", *FAKE, *ASKED, f"out={pool}")
    ran = tts(*arguments, "--json", out, "--table", table)
    assert ran.status == 0, ran.err
    lines = [line.split(",")[:3] for line in table.read_text().splitlines()]
    played = [[task, model, name] for task in ("a/q", "b/q") for model in ("m1", "m2") for name in _NAMES]
    assert lines == [
        ["task", "model", "strategy"],
        *played,
        *[["macro-average", model, name] for model in ("m1", "m2") for name in _NAMES],
    ]
    found = strict_json(out)
    assert [part["name"] for part in found["grid"]] == [{"task": t, "model": m} for t, m, n in played if n == "esc"]
    for row in found["macro_average"]:
        parts = [part for part in found["grid"] if part["name"]["model"] == row["model"]]
        own = [s["accuracy"] for part in parts for s in part["strategies"] if s["name"] == row["name"]]
        assert row["accuracy"] == pytest.approx(sum(own) / 2) and row["tasks"] == ["a/q", "b/q"]
        assert row["accuracy_ci"][0] <= row["accuracy"] <= row["accuracy_ci"][1]
    assert [len(load_pool(pool, run=run).entries) for run in (1, 2)] == [4, 6]
    assert "macro-average" in ran.out and "a/q, m1:" in ran.out
    again = tts(*arguments, "--quiet")
    assert again.status == 0 and "0 of them drawn now" in again.out
    for extra, sentence in (
        (("--plot", tmp_path / "p.png"), "a plot compares the strategies of one model, and 2 are named"),
        (("model=[m1,m1]",), "task a/q with model m1 is named twice"),
        (("task=[stories,storys]",), "unknown task 'storys'"),
    ):
        ran = tts(*arguments, *extra)
        assert ran.status == 2 and sentence in ran.err
    ran = tts("sample", first, second, *FAKE, "out=x.sqlite")
    assert ran.status == 2 and "takes one task and one model" in ran.err


_NAMES = ("self_consistency", "esc")


def test_python_takes_the_same_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fake: dict[str, Any] = {"kind": "fake", "progress": False, "budget": 2, "questions": 3}
    tasks = ["stories", {"name": "stories", "split": "calibration"}]
    found = library.run(tasks, model="fake", strategies=["self_consistency", "esc"], **fake)
    assert isinstance(found, library.Runs)
    assert [row.task for row in found.rows[::2]] == [
        "stories(split=test)",
        "stories(split=calibration)",
        "macro-average",
    ]
    assert "macro-average" in found.to_markdown() and found.pool.name.endswith("-fake.sqlite")
    assert repr(found).startswith("Runs(['stories(split=test)', 'stories(split=calibration)'], ['fake'], ")
    assert "<table>" in found._repr_html_() and "tabular" in found.to_latex()
    assert found.plot("samples").axes
    one = library.run("stories", model=["m1", "m2"], **fake)
    assert isinstance(one, library.Runs) and {row.model for row in one.rows} == {"m1", "m2"}
    with pytest.raises(InputError, match="an empty list"):
        library.run([], **fake)
    library.close()


def test_questions_without_gold_answers_have_no_macro_average(tts: Tts, tmp_path: Path) -> None:
    file = tmp_path / "open.jsonl"
    file.write_text('{"question": "What is 1 + 2?"}\n')
    ran = tts("run", f"task=[stories,{file}]", *FAKE, *ASKED, "questions=2", f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0 and "no macro-average: open has no gold answers" in ran.out
