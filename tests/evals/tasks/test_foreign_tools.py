"""Tasks of lm-evaluation-harness and Inspect on the tools themselves; nothing is read from a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.tasks import Task, TaskConfig, load_task
from tests.cli.cases import Tts
from tests.evals.tasks.foreign_cases import ANN, INSPECT, JACK, harness_tasks
from tts.errors import InputError
from tts.types import Sample

pytestmark = pytest.mark.slow
THOUGHT = "<think>maybe #### 3</think>So\n#### 19"


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed here: make test-tools")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    harness_tasks(tmp_path)
    return tmp_path


@pytest.fixture
def inspect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("inspect_ai", reason="Inspect is not installed here: make test-tools")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(INSPECT)
    return tmp_path


def read(task: Task, text: str, number: int = 0) -> tuple[str | None, bool | None]:
    """The answer that a reply to a question gives, and whether it is right."""
    problem = task.problems[number]
    answer = task.extract(problem, text)
    return answer, task.grade(problem, Sample(answer=answer))


def test_a_harness_task_keeps_its_prompt_filter_and_metric(harness: Path) -> None:
    task = load_task(TaskConfig("lm_eval:own_math.yaml"))
    first = task.problems[0]
    assert task.prompt.text(first) == f"Solve it.\n\nQuestion: {JACK}\nAnswer:" and first.gold == "19"
    assert read(task, THOUGHT) == ("19", True) and read(task, "#### $19.") == (None, False)
    assert read(task, "#### 19\nQuestion: more? #### 4") == ("19", True)
    assert read(task, "nineteen, or 19") == (None, False) and read(task, "#### 7", 1) == ("7", True)
    flexible = load_task(TaskConfig("lm_eval:own_math", include_path=".", extract="flexible", shots=1, questions=1))
    assert read(flexible, "nineteen, or 19")[0] is not None and len(flexible.problems) == 1
    assert f"Question: {ANN}\nAnswer: 3 + 4 = 7\n#### 7\n\n" in flexible.problems[0].question


def test_a_multiple_choice_task_is_read_from_replies(harness: Path) -> None:
    task = load_task(TaskConfig("lm_eval:own_choice.yaml"))
    assert task.problems[0].question == "Question: Two and two?\nA. three\nB. four"
    assert read(task, "Answer: B") == ("B", True) and read(task, "Answer: three") == ("A", False)
    assert "compares the likelihoods" in task.notes[0]


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("own_likelihood.yaml", {}, "is scored by loglikelihood, which replies do not give"),
        ("own_bleu.yaml", {}, "has the metrics bleu, which do not grade one reply"),
        ("none.yaml", {}, "none.yaml does not exist"),
        ("own_maths", {"include_path": "."}, "has no task own_maths"),
        ("own_math.yaml", {"extract": "strict", "include_path": "nowhere"}, "include_path=nowhere is no folder"),
    ],
)
def test_other_harness_tasks_get_one_sentence(harness: Path, name: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_task(TaskConfig(f"lm_eval:{name}", **options))


def test_an_inspect_task_keeps_its_prompt_and_scorer(inspect: Path) -> None:
    numbers, hashes, steps, options, inside, words, last = (
        load_task(TaskConfig(f"inspect:own.py@{name}"))
        for name in ("numbers", "hashes", "steps", "options", "inside", "words", "last")
    )
    assert numbers.prompt.text(numbers.problems[0]) == JACK + "\n" and numbers.problems[0].id == "own.py@numbers-0"
    assert read(numbers, "It is 19.") == ("19", True) and read(numbers, "It is 18.") == ("18", False)
    assert read(hashes, THOUGHT) == ("19", True) and read(hashes, "19") == (None, False)
    assert steps.prompt.system == "Be brief." and "step-by-step" in steps.problems[0].question
    assert read(steps, "ANSWER: 19") == ("19", True) and read(steps, "") == (None, False)
    assert "A) 3\nB) 4\nC) 5" in options.problems[0].question
    assert read(options, "ANSWER: B") == ("B", True) and read(options, "ANSWER: D") == (None, False)
    assert read(inside, "In NYC, I think") == ("in nyc, i think", True)
    assert words.metric == "F1" and words.reward is not None and words.problems[0].golds == ("new york city", "nyc")
    assert words.reward(words.problems[0], "new york") == pytest.approx(0.8)
    assert read(last, "Well.\nIt is NYC.") == ("it is nyc", True)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("own.py@judged", "has the scorer model_graded_qa, which cannot be run"),
        ("own.py@twice", "asks it 2 times"),
        ("own.py@groups", "a pattern of several groups"),
        ("own.py@nothing", "cannot be loaded"),
        ("own.py", "holds 10 tasks"),
        ("none.py", "inspect:none.py"),
    ],
)
def test_other_inspect_tasks_get_one_sentence(inspect: Path, name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_task(TaskConfig(f"inspect:{name}"))


def test_tasks_of_both_tools_are_one_table(harness: Path, inspect: Path, tts: Tts) -> None:
    tasks = "task=[lm_eval:own_math.yaml,inspect:own.py@numbers]"
    ran = tts("run", tasks, "engine.kind=fake", "strategies=self_consistency", "budget=2", "out=p.sqlite")
    assert ran.status == 0 and "macro-average" in ran.out
