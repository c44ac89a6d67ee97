"""Built-in data sets, each on rows of the shape that it has on the hub; the rows are made up."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evals.tasks import TaskConfig, load_task
from evals.tasks.data_sets import DATA_SETS
from tests.evals.tasks.cases import written
from tts.registry import TASKS
from tts.types import Sample

SHAPES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "gsm8k": ({"question": "2 and 3?", "answer": "2+3=<<2+3=5>>5\n#### 5"}, "5", "It is 5.\n#### 5", "#### 6"),
    "svamp": (
        {"ID": "chal-1", "Body": "Ann has 3 pens.", "Question": "How many are left?", "Answer": 3.0, "Equation": "3"},
        "3",
        "#### 3",
        "#### 4",
    ),
    "math500": (
        {"problem": "Halve x.", "solution": r"So \boxed{\frac{x}{2}}.", "answer": r"\frac{x}{2}", "unique_id": "a/1"},
        r"\frac{x}{2}",
        r"It is $\boxed{\dfrac{x}{2}}$.",
        r"\boxed{x}",
    ),
    "aime24": (
        {"ID": "2024-I-1", "Problem": "Find n.", "Solution": "...", "Answer": 73},
        "73",
        r"\boxed{073}",
        r"\boxed{72}",
    ),
    "aime25": ({"problem": "Find n.", "answer": "070", "id": "0"}, "70", r"\boxed{70}", r"\boxed{7}"),
    "mmlu_pro": (
        {
            "question_id": 70,
            "question": "Which?",
            "options": [*"pqrstuvwx"],
            "answer": "I",
            "answer_index": 8,
            "cot_content": "",
        },
        "I",
        "The answer is (I).",
        "The answer is (A).",
    ),
    "arc_challenge": (
        {"id": "M_1", "question": "Which?", "choices": {"text": [*"pqrs"], "label": [*"1234"]}, "answerKey": "3"},
        "C",
        "Answer: C",
        "Answer: A",
    ),
    "commonsense_qa": (
        {
            "id": "1f",
            "question": "Where?",
            "question_concept": "x",
            "choices": {"label": [*"ABCDE"], "text": ["bank", "library", "shop", "mall", "city"]},
            "answerKey": "A",
        },
        "A",
        "The answer is bank.",
        "Answer: B",
    ),
    "mathqa": (
        {
            "Problem": "How much?",
            "Rationale": "x",
            "options": "a ) 38 , b ) 27.675 , c ) rs . 1,400 , d ) 33 , e ) none of these",
            "correct": "c",
            "category": "gain",
        },
        "C",
        "Answer: C",
        "Answer: E",
    ),
    "triviaqa": (
        {
            "question": "Who?",
            "question_id": "tc_2",
            "answer": {"value": "The Beatles", "aliases": ["The Beatles", "Beatles (band)"], "type": "x"},
        },
        "beatles",
        "Answer: beatles band",
        "Answer: Wings",
    ),
    "nq_open": (
        {"question": "when", "answer": ["14 December 1972 UTC", "December 1972"]},
        "14 december 1972 utc",
        "Answer: December, 1972",
        "Answer: 1971",
    ),
}


@pytest.mark.parametrize("name", [*SHAPES])
def test_a_data_set_is_read_asked_and_graded(tmp_path: Path, name: str) -> None:
    row, gold, good, bad = SHAPES[name]
    task = load_task(TaskConfig(name=name, path=written(tmp_path / "rows.jsonl", [row])))
    [problem] = task.problems
    assert (problem.gold, problem.task, task.notes) == (gold, name, ())
    for reply, is_right in ((good, True), (bad, False)):
        assert task.grade(problem, Sample(reply, task.extract(problem, reply))) is is_right


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("sciq", {"question": "?", "distractor1": "p", "distractor2": "q", "distractor3": "r", "correct_answer": "s"}),
        (
            "gpqa",
            {
                "Question": "?",
                "Correct Answer": "s",
                "Incorrect Answer 1": "p",
                "Incorrect Answer 2": "q",
                "Incorrect Answer 3": "r",
            },
        ),
    ],
)
def test_options_are_shuffled_by_the_seed_and_the_question(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    key = next(iter(row))
    path = written(tmp_path / "rows.jsonl", [{**row, key: f"Which, {i}?"} for i in range(40)])
    first, again, other = (load_task(TaskConfig(name=name, path=path, seed=seed)).problems for seed in (0, 0, 1))
    assert first == again != other
    assert {problem.gold for problem in first} == {*"ABCD"}
    assert all(f"\n{problem.gold}. s" in problem.question for problem in first)


def test_every_data_set_has_a_name_and_comes_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load_dataset(*named: str, split: str) -> list[dict[str, Any]]:
        asked.append((*named, split))
        return [SHAPES["commonsense_qa"][0]]

    module: Any = ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    assert set(DATA_SETS) <= set(TASKS.names())
    [problem] = load_task(TaskConfig(name="commonsense_qa")).problems
    assert asked == [("tau/commonsense_qa", "validation")] and problem.id == "1f"
