"""Configurations of tasks: one sentence for a bad one, and a real model's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.config import RunConfig
from evals.tasks import TaskConfig, load_task
from tts.config import load_config
from tts.engines.config import EngineConfig
from tts.engines.openai.config import OpenAIConfig
from tts.errors import InputError

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "gsm8"}, r"unknown task 'gsm8': .*did you mean gsm8k\?"),
        ({"extract": "loose"}, r"unknown task\.extract 'loose'"),
        ({"questions": 0}, r"task\.questions must be at least 1, got 0"),
        ({"seed": -1}, r"task\.seed must be at least 0"),
        ({"shots": -1}, r"task\.shots must be at least 0"),
        ({"split": "tset"}, r"unknown task\.split 'tset': .*did you mean test\?"),
        ({"path": "x.jsonl"}, r"task stories generates its problems and takes no task\.path"),
        ({"name": "jsonl"}, r"task jsonl needs task\.path"),
        ({"name": "gsm8k", "split": "tset"}, r"unknown task\.split of gsm8k 'tset'"),
        ({"template": "no place"}, r"a prompt template must hold \{question\}"),
    ],
)
def test_a_bad_task_is_one_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        load_task(TaskConfig(**options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["jsonl", "gsm8k"])
def test_a_bundled_model_is_asked_in_the_form_it_was_trained_on(scored: str, name: str) -> None:
    config, tiny = TaskConfig(name=name, path=scored), EngineConfig(model="tiny")
    assert load_task(config, engine=tiny).template == "{question}\n"
    other = EngineConfig(kind="fake", model="Qwen/Qwen3-4B")
    assert load_task(config, engine=other).template == load_task(config).template != "{question}\n"
    own = replace(config, template="Q: {question}", system="Answer.")
    assert load_task(own, engine=tiny).template == "Answer.\n\nQ: {question}"


def test_a_chat_template_is_used_where_there_is_one_and_that_is_said(scored: str) -> None:
    server = EngineConfig(kind="openai", model="m", openai=OpenAIConfig(urls=["http://localhost:8000/v1"]))
    task = load_task(TaskConfig(name="jsonl", path=scored), engine=server)
    assert task.prompt.chat and "m is asked at the server's chat endpoint" in task.notes[-1]
    plain = load_task(TaskConfig(name="jsonl", path=scored, chat=False), engine=server)
    assert not plain.prompt.chat and plain.notes == ()
    with pytest.raises(InputError, match=r"task\.chat must be auto, true or false, got 'maybe'"):
        TaskConfig(chat="maybe")


def test_the_configuration_of_a_real_model_loads_and_its_prompt_renders(scored: str, train: str) -> None:
    files = [CONFIGS / "task" / "gsm8k.yaml", CONFIGS / "model" / "qwen.yaml"]
    config = load_config(RunConfig, files, [f"task.path={scored}", f"task.shots_path={train}"])
    assert (config.engine.kind, config.engine.model) == ("vllm", "Qwen/Qwen2.5-1.5B-Instruct")
    assert config.engine.folder is None and config.engine.sampling.top_p == 0.8
    task = load_task(config.task)
    text = task.prompt.text(task.problems[3])
    assert text.count("Question: ") == 5 and text.endswith("Question: What is 3 and 3?\nAnswer:")
    assert task.extract(task.problems[3], " 3 and 3 is 6.\n#### 6") == "6"
