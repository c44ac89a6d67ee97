"""Tasks: the grading rule and worked solutions."""

from __future__ import annotations

from pathlib import Path

from evals.tasks import TaskConfig, load_task
from tests.evals.tasks.cases import written
from tts.stories.stories import take
from tts.types import Problem, Sample


def test_tasks_know_worked_solutions_as_a_model_should_write_them(scored: str, tmp_path: Path) -> None:
    told = load_task(TaskConfig(name="stories", split="train", questions=3))
    assert told.solutions["story-train-1"] == take("train", 2)[1].solution
    asked = load_task(TaskConfig(name="gsm8k", path=scored))
    assert asked.solutions["gsm8k-test-7"] == " It is.\n#### 14"  # "Answer:" needs a space; no calculator's notes
    assert load_task(TaskConfig(name="gsm8k", path=scored, chat=True)).solutions["gsm8k-test-7"] == "It is.\n#### 14"
    bare = written(tmp_path / "bare.jsonl", [{"question": "1 and 1?", "answer": "2"}])
    assert load_task(TaskConfig(name="jsonl", path=bare)).solutions == {}


def test_grading_compares_numbers_and_not_their_spelling() -> None:
    task, problem = load_task(TaskConfig(questions=1)), Problem("q", "?", "1000")
    assert [task.grade(problem, Sample(answer=a)) for a in ("1000", "1,000", "1000.0", "1001", None, "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert not task.grade(Problem("q", "?"), Sample(answer="5"))
