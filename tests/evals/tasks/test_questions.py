"""GSM8K from a file and from the hub: asked, read, graded, with examples that are never scored."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from evals.tasks import TaskConfig, load_task
from tests.evals.tasks.cases import ROWS
from tests.support.data import data_file
from tts.errors import InputError
from tts.types import Problem, Sample


def test_a_file_is_read_asked_and_graded(scored: str) -> None:
    task = load_task(TaskConfig(name="gsm8k", path=scored))
    assert len(task.problems) == 30
    assert task.problems[7] == Problem("gsm8k-test-7", "What is 7 and 7?", "14", "gsm8k")
    text = task.prompt.text(task.problems[7])
    assert text.endswith("\n\nQuestion: What is 7 and 7?\nAnswer:")
    assert "`#### <answer>`" in text
    for written_out, answer in (
        ("7 + 7 = 14\n#### 14", "14"),
        ("so it is 14.", "14"),
        ("It is 14\n#### 14\n\nQuestion: What is 8 and 8?\nAnswer: #### 16", "14"),
        ("I do not know", None),
    ):
        assert task.extract(task.problems[7], written_out) == answer


def test_chat_prompts_are_messages(scored: str) -> None:
    task = load_task(TaskConfig(name="gsm8k", path=scored, chat=True))
    system, user = task.prompt.messages(task.problems[1])
    assert (system["role"], user) == ("system", {"role": "user", "content": "What is 1 and 1?"})
    assert "#### <answer>" in system["content"]
    assert task.template.startswith('chat: [{"role": "system"')
    bare = load_task(TaskConfig(name="gsm8k", path=scored, chat=True, system="", template="Q: {question}"))
    assert bare.prompt.messages(bare.problems[1]) == [{"role": "user", "content": "Q: What is 1 and 1?"}]


def test_examples_are_the_seeds_and_never_of_the_scored_split(scored: str, train: str) -> None:
    def shots(seed: int, k: int = 8) -> tuple[tuple[str, str], ...]:
        task = load_task(TaskConfig(name="gsm8k", path=scored, questions=2, shots=k, shots_path=train, seed=seed))
        assert task.template.count("Question: ") == k + 1
        return task.prompt.shots

    assert shots(0) == shots(0) != shots(1)
    assert {question for question, _ in shots(0, 10)} == {row["question"] for row in ROWS[30:]}
    assert all(answer.startswith(" It is.\n#### ") for _, answer in shots(0))  # without the calculator's marks
    with pytest.raises(InputError, match=r"task\.shots=11 is more than the 10 questions of .*train\.jsonl"):
        shots(0, 11)
    with pytest.raises(InputError, match=r"task\.shots=1 is more than the 0 questions of .*test\.jsonl"):
        load_task(TaskConfig(name="gsm8k", path=scored, questions=2, shots=1, shots_path=scored))
    with pytest.raises(InputError, match=r"task\.shots=1 needs task\.shots_path"):
        load_task(TaskConfig(name="gsm8k", path=scored, shots=1))


def hub(monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
    module: Any = ModuleType("datasets")
    module.load_dataset = load
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_without_a_path_gsm8k_comes_from_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {"test": ROWS[:5], "train": ROWS[5:]}
    hub(monkeypatch, lambda name, config, split: splits[split] if (name, config) == ("openai/gsm8k", "main") else None)
    task = load_task(TaskConfig(name="gsm8k", shots=3))
    assert [p.id for p in task.problems] == [f"gsm8k-test-{i}" for i in range(5)]
    assert len(task.prompt.shots) == 3
    with pytest.raises(InputError, match=r"task\.shots=1 needs task\.shots_path"):
        load_task(TaskConfig(name="gsm8k", split="train", shots=1))


def test_a_hub_that_is_missing_or_down_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise ConnectionError("cannot reach\nthe hub")

    hub(monkeypatch, down)
    with pytest.raises(InputError, match=r"openai/gsm8k cannot be read from the hub \(cannot reach the hub\): try"):
        load_task(TaskConfig(name="gsm8k"))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"needs datasets: pip install 'tts-rerank\[hub\]', or give the task a file"):
        load_task(TaskConfig(name="gsm8k"))


@pytest.mark.slow
def test_the_whole_of_gsm8k_loads() -> None:
    test, train = data_file("gsm8k_test.jsonl.gz"), data_file("gsm8k_train.jsonl.gz")
    task = load_task(TaskConfig(name="gsm8k", path=str(test), shots=8, shots_path=str(train)))
    assert len(task.problems) == 1319
    assert task.problems[0].gold == "18"
    assert all(task.grade(p, Sample(answer=p.gold)) for p in task.problems)
    assert task.template.count("Question: ") == 9
