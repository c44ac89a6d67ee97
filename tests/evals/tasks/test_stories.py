"""Stories: their ids, golds, prompts and answers."""

from __future__ import annotations

import pytest

from evals.tasks import TaskConfig, load_task
from tts.stories.stories import take
from tts.types import Problem, Sample


@pytest.mark.parametrize("split", ["train", "calibration", "test"])
def test_stories_have_their_ids_golds_and_prompt(split: str) -> None:
    task = load_task(TaskConfig(name="stories", split=split, questions=30))
    told = take(split, 30)  # type: ignore[arg-type]
    assert [p.id for p in task.problems] == [f"story-{split}-{i}" for i in range(30)]
    assert [(p.question, p.gold) for p in task.problems] == [(s.question, s.answer) for s in told]
    assert task.prompt.text(task.problems[3]) == told[3].question + "\n"
    for problem, story in zip(task.problems, told, strict=True):
        answer = task.extract(problem, story.solution)
        assert answer == story.answer
        assert task.grade(problem, Sample(story.solution, answer))


def test_more_stories_include_fewer_and_another_seed_has_other_ids() -> None:
    few, more = (load_task(TaskConfig(questions=n)).problems for n in (5, 9))
    assert more[:5] == few
    other = load_task(TaskConfig(questions=5, seed=3)).problems
    assert other[2].id == "story-test-s3-2"
    assert not {p.question for p in other} & {p.question for p in few}


def test_story_answers_are_read_strictly_unless_told_otherwise() -> None:
    assert [load_task(TaskConfig(questions=1)).extract(Problem("q", ""), text) for text in ("it is 5", "#### 5")] == [
        None,
        "5",
    ]
    assert load_task(TaskConfig(questions=1, extract="flexible")).extract(Problem("q", ""), "it is 5") == "5"


def test_the_examples_of_stories_come_from_the_training_split() -> None:
    task = load_task(TaskConfig(questions=3, shots=2, split="test"))
    assert len(task.prompt.shots) == 2
    assert task.prompt.shots[0][1].splitlines()[-1].startswith("#### ")
    assert not {question for question, _ in task.prompt.shots} & {p.question for p in task.problems}
