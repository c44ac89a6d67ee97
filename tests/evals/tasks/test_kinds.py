"""Kinds of answers, fields of any name, choices and golds of questions in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.tasks import Task, TaskConfig, load_task
from tests.evals.tasks.cases import written
from tts.errors import InputError
from tts.types import Sample


def task_of(tmp_path: Path, rows: list[Any], **options: Any) -> Task:
    return load_task(TaskConfig(name="jsonl", path=written(tmp_path / "own.jsonl", rows), **options))


def right(task: Task, reply: str, problem: int = 0) -> bool | None:
    asked = task.problems[problem]
    return task.grade(asked, Sample(reply, task.extract(asked, reply)))


@pytest.mark.parametrize(
    ("gold", "read"),
    [("9 (apples)", "9"), ("$1,234 (dollars)", "1234"), ("3 1/2 (hours)", "3.5"), (9.0, "9"), ("1e3", "1000")],
)
def test_golds_with_units_and_decorations_are_numbers(tmp_path: Path, gold: Any, read: str) -> None:  # f01
    assert task_of(tmp_path, [{"question": "?", "answer": gold}]).problems[0].gold == read


@pytest.mark.parametrize(("answer", "is_right"), [("5887.3333", True), ("5887 1/3", True), ("5887.34", False)])
def test_rounded_golds_have_a_tolerance(tmp_path: Path, answer: str, is_right: bool) -> None:  # f02
    rows = [{"question": "?", "answer": 5887.333333333333}]
    assert right(task_of(tmp_path, rows, tolerance=1e-3), f"#### {answer}") is is_right
    assert right(task_of(tmp_path, rows), f"#### {answer}") is False


def test_integer_ids_are_texts(tmp_path: Path) -> None:  # f03
    rows = [{"id": 3, "question": "?", "answer": "9"}, {"id": 4.0, "question": "!", "answer": "9"}]
    assert [problem.id for problem in task_of(tmp_path, rows).problems] == ["3", "4"]


def test_fields_are_named_by_path(tmp_path: Path) -> None:
    row = {"uid": 7, "data": {"problem": "1 + 1?", "solutions": ["2", "II"]}}
    fields = {"question": "data.problem", "answer": "data.solutions.0", "id": "uid"}
    [problem] = task_of(tmp_path, [row], fields=fields).problems
    assert (problem.id, problem.question, problem.gold) == ("7", "1 + 1?", "2")
    with pytest.raises(InputError, match=r"has no question; expected text under `question`; this line has uid, data"):
        task_of(tmp_path, [row])
    with pytest.raises(InputError, match=r"unknown part in task\.fields 'qestion'.*did you mean question"):
        TaskConfig(fields={"qestion": "x"})


@pytest.mark.parametrize(
    "options",
    [
        {"options": ["red", "blue", "green"], "gold": "B"},
        {"options": ["red", "blue", "green"], "gold": 1},
        {"options": ["red", "blue", "green"], "gold": "blue"},
        {"options": ["red", "blue", "green"], "gold": "(b)"},
        {"options": {"text": ["red", "blue", "green"], "label": ["1", "2", "3"]}, "gold": "2"},
        {"options": [{"text": t, "label": x} for t, x in (("red", "A"), ("blue", "B"), ("green", "C"))], "gold": "B"},
        {"options": {"A": "red", "B": "blue", "C": "green"}, "gold": "B"},
        {"options": "a ) red , b ) blue , c ) green", "gold": "b"},
    ],
)
def test_choices_of_every_shape_are_lettered_lines(tmp_path: Path, options: dict[str, Any]) -> None:
    task = task_of(tmp_path, [{"question": "Which?", **options}], choices="options")
    assert task.problems[0].question == "Which?\nA. red\nB. blue\nC. green"
    assert (task.problems[0].gold, task.grader.kind) == ("B", "choice")
    assert right(task, "It is blue, so the answer is (B).")
    assert right(task, "The answer is blue.")
    assert not right(task, "Answer: C")


def test_choices_may_stand_in_columns(tmp_path: Path) -> None:
    row = {"question": "Which?", "A": "one", "B": "two", "C": "three", "D": "four", "answer": "D"}
    task = task_of(tmp_path, [row], choices=["A", "B", "C", "D"])
    assert task.problems[0].question.endswith("\nD. four") and task.problems[0].gold == "D"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"options": ["a", "b"], "gold": 2}, "its answer 2 is no letter, index or text of one of its choices"),
        ({"options": ["a"], "gold": 0}, "a question must have 2 to 26 choices, got 1"),
        ({"options": 5, "gold": 0}, "choices must be a list of texts, got 5"),
        ({"gold": "A"}, "has no choices; expected them under `options`"),
    ],
)
def test_bad_choices_are_named(tmp_path: Path, row: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=rf"own\.jsonl, line 1: {sentence}"):
        task_of(tmp_path, [{"question": "?", **row}], choices="options")


@pytest.mark.parametrize(
    ("golds", "kind"),
    [
        (["5", "6"], "number"),
        (["#### 5", "#### 6"], "number"),
        ([r"\frac{1}{2}", "5", r"x^2"], "math"),
        (["Paris", "yes", "1945"], "text"),
        ([True, False], "text"),
        ([None, None], "number"),
    ],
)
def test_the_kind_of_answers_is_that_of_the_golds(tmp_path: Path, golds: list[Any], kind: str) -> None:
    rows = [{"question": f"{i}?", "answer": gold} for i, gold in enumerate(golds)]
    assert task_of(tmp_path, rows).grader.kind == kind


def test_boxed_answers_are_graded_as_mathematics(tmp_path: Path) -> None:
    task = task_of(tmp_path, [{"question": "?", "answer": r"We get \boxed{\frac{x}{2}}."}], answers="math")
    assert task.problems[0].gold == r"\frac{x}{2}"
    assert right(task, r"Hence \boxed{\dfrac{x}{2}}.")
    assert not right(task, r"Hence \boxed{x}.") and "boxed" in task.prompt.system


def test_several_golds_are_accepted_and_metrics_are_options(tmp_path: Path) -> None:
    rows = [{"question": "?", "answer": ["New York City", "NYC"]}]
    assert right(task_of(tmp_path, rows), "Answer: nyc")
    assert not right(task_of(tmp_path, rows), "Answer: in New York City, USA")
    assert right(task_of(tmp_path, rows, metric="contains"), "Answer: in New York City, USA")
    graded = task_of(tmp_path, rows, metric="f1")
    assert right(graded, "Answer: New York") and graded.metric == "F1" and graded.reward is not None
    [problem] = graded.problems
    rewards = [graded.reward(problem, answer) for answer in ("new york city", "new york", "paris", None)]
    assert rewards == [1.0, pytest.approx(0.8), 0.0, 0.0]


def test_without_golds_there_is_no_grade(tmp_path: Path) -> None:
    task = task_of(tmp_path, [{"question": "1 + 1?"}, {"question": "2 + 2?"}])
    assert not task.graded and right(task, "#### 2") is None
    assert task.extract(task.problems[0], "#### 2") == "2"


def test_notes_name_what_a_user_should_know(tmp_path: Path) -> None:
    rows = [{"question": "a", "answer": "1"}, {"question": "a", "answer": "2"}, {"answer": "3"}]
    with pytest.raises(InputError, match=r"line 3: has no question.*task\.skip_bad=true goes on without such lines"):
        task_of(tmp_path, rows)
    skipped, many, twice = task_of(tmp_path, rows, skip_bad=True, questions=9).notes
    assert "1 bad line was skipped" in skipped and "line 3" in skipped
    assert "task.questions=9, and" in many and "holds 2: all are asked" in many
    assert "line 1 has 1" in twice and "line 2 2" in twice
