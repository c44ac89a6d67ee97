"""Lists of tasks and models: each choice of one of each is a configuration, and later values win as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.config import CompareConfig, RunConfig
from tts.config.lists import load_each
from tts.errors import InputError


def named(*overrides: str, files: tuple[Path, ...] = ()) -> list[tuple[str, str | None, int | None, str]]:
    found = load_each(RunConfig, files, overrides)
    return [(c.task.name, c.task.path, c.task.questions, c.engine.model) for c in found]


@pytest.mark.parametrize(
    "overrides",
    [
        ("task=[gsm8k,svamp]", "model=[tiny,grace]", "questions=5"),
        ("questions=5", "task=gsm8k,svamp", "engine.model=[tiny, grace]"),
        ("task.name=[gsm8k,svamp]", "task.questions=5", "model=tiny,grace"),
        ("task=[stories]", "task=[{name: gsm8k}, svamp]", "model=other", "model=[tiny,grace]", "questions=5"),
    ],
)
def test_every_task_meets_every_model_and_options_apply_to_all(overrides: tuple[str, ...]) -> None:
    pairs = [(task, model) for task in ("gsm8k", "svamp") for model in ("tiny", "grace")]
    assert named(*overrides) == [(task, None, 5, model) for task, model in pairs]


def test_a_file_lists_tasks_with_options_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "grid.yaml"
    file.write_text("task:\n- {name: gsm8k, questions: 50}\n- {name: own.jsonl}\n- svamp\nengine: {model: [a, b]}\n")
    assert named("engine.model=tiny", files=(file,)) == [
        ("gsm8k", None, 50, "tiny"),
        ("jsonl", "own.jsonl", None, "tiny"),
        ("svamp", None, None, "tiny"),
    ]
    assert named("task=stories", "model=tiny", files=(file,)) == [("stories", None, None, "tiny")]


def test_one_value_is_one_configuration_and_a_name_with_a_comma_may_be_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b.jsonl").touch()
    assert named("task=a,b.jsonl") == [("jsonl", "a,b.jsonl", None, "tiny")]
    assert len(load_each(CompareConfig, [], ["budget=4"])) == 1


@pytest.mark.parametrize("override", ["task=[]", "task=[1]", "model=[3]", "model=[]"])
def test_a_list_of_other_things_is_refused(override: str) -> None:
    with pytest.raises(InputError, match="takes a name or a list of names, got"):
        named(override)
    with pytest.raises(InputError, match=r"unknown key 'task\.n'"):
        named("task=[{name: gsm8k, n: 5}]")
