"""A run in one call: what it returns, the pool that it continues, and arguments that it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import tts
from evals.live.dated_pool import pool_name
from tts.api.run import Run

FAKE = {"model": "fake", "kind": "fake", "progress": False}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    tts.close()


def run(*task: Any, **arguments: Any) -> Run:
    return tts.run(*task, **{"questions": 4, "budget": 5, **FAKE, **arguments})


def test_strategies_share_a_pool_that_the_same_call_continues() -> None:
    found = run(strategies=["self_consistency", "esc"])
    assert [row.name for row in found.rows] == ["self_consistency", "esc"] and found.outcome.parts[0].pool.drawn == 20
    assert found.pool == Path("runs") / f"{date.today().isoformat()}-stories-fake.sqlite"
    assert repr(found) == f"Run('stories', 4 questions, 2 strategies, '{found.pool}')"
    other = run(strategies="self_consistency", temperature=0.5)
    assert other.pool == found.pool.with_stem(f"{found.pool.stem}-2") and other.outcome.parts[0].pool.drawn == 20
    again = run(strategies="self_consistency")
    assert again.outcome.parts[0].pool.drawn == 0 and again.rows[0].accuracy == found.rows[0].accuracy


def test_it_runs_inside_a_running_loop_too() -> None:
    async def cell() -> tuple[Run, Run]:
        return run(out="a.sqlite"), await tts.arun("stories", questions=4, budget=5, out="b.sqlite", **FAKE)

    blocking, awaited = asyncio.run(cell())
    assert blocking.rows == awaited.rows and blocking.pool != awaited.pool


def test_a_task_is_a_name_a_file_or_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text('{"question": "What is 1 + 2?", "answer": "3"}\n{"question": "What is 2 + 2?", "answer": "4"}\n')
    assert len(run(file, questions=None).outcome.task.problems) == 2
    assert run({"name": "stories", "split": "calibration"}).outcome.task.problems[0].id.startswith("story-calibration")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"task": "storys"}, "unknown task 'storys'.*did you mean stories"),
        ({"task": "no.jsonl"}, "no.jsonl"),
        ({"strategies": "cges"}, "strategy cges needs confidences"),
        ({"strategies": []}, "no strategy was named"),
        ({"budgett": 3}, r"tts.run has no argument 'budgett'; did you mean budget\?"),
        ({"out": "x.json"}, r"x.json"),
    ],
)
def test_bad_arguments_get_one_sentence_and_leave_no_pool(arguments: dict[str, Any], sentence: str) -> None:
    task = arguments.pop("task", "stories")
    with pytest.raises(tts.InputError, match=sentence):
        run(task, **arguments)
    assert not list(Path().rglob("*.sqlite"))


def test_the_name_of_a_pool_is_a_plain_file_name() -> None:
    found = pool_name("../data/own questions.jsonl.gz", "Qwen/Qwen2.5-1.5B-Instruct", date(2026, 1, 2))
    assert found == Path("runs/2026-01-02-own_questions-Qwen2.5-1.5B-Instruct.sqlite")
