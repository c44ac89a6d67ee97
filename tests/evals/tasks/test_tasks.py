"""Tasks: the right problems, prompts and grades, examples that are never scored, and one sentence for a bad file."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evals.config import RunConfig
from evals.tasks import TaskConfig, load_task
from tests.data import data_file
from tts.config import load_config
from tts.errors import InputError
from tts.stories.stories import take
from tts.types import Problem, Sample

CONFIGS = Path(__file__).resolve().parents[3] / "configs"

ROWS = [{"question": f"What is {i} and {i}?", "answer": f"<<{i}+{i}={2 * i}>>It is.\n#### {2 * i}"} for i in range(40)]


def written(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def scored(tmp_path: Path) -> str:
    return written(tmp_path / "test.jsonl", ROWS[:30])


@pytest.fixture
def train(tmp_path: Path) -> str:
    return written(tmp_path / "train.jsonl", ROWS[25:])


# --- stories ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "calibration", "test"])
def test_stories_have_their_ids_golds_and_prompt(split: str) -> None:
    task = load_task(TaskConfig(name="stories", split=split, n=30))
    told = take(split, 30)  # type: ignore[arg-type]
    assert [p.id for p in task.problems] == [f"story-{split}-{i}" for i in range(30)]
    assert [(p.question, p.gold) for p in task.problems] == [(s.question, s.answer) for s in told]
    assert task.prompt.text(task.problems[3]) == told[3].question + "\n"
    for problem, story in zip(task.problems, told, strict=True):
        answer = task.extract(problem, story.solution)
        assert answer == story.answer
        assert task.grade(problem, Sample(story.solution, answer))


def test_tasks_know_worked_solutions_as_a_model_should_write_them(scored: str, tmp_path: Path) -> None:
    told = load_task(TaskConfig(name="stories", split="train", n=3))
    assert told.solutions["story-train-1"] == take("train", 2)[1].solution
    asked = load_task(TaskConfig(name="gsm8k", path=scored))
    assert asked.solutions["gsm8k-test-7"] == " It is.\n#### 14"  # "Answer:" needs a space; no calculator's notes
    assert load_task(TaskConfig(name="gsm8k", path=scored, chat=True)).solutions["gsm8k-test-7"] == "It is.\n#### 14"
    bare = written(tmp_path / "bare.jsonl", [{"question": "1 and 1?", "answer": "2"}])
    assert load_task(TaskConfig(name="jsonl", path=bare)).solutions == {}


def test_more_stories_include_fewer_and_another_seed_has_other_ids() -> None:
    few, more = (load_task(TaskConfig(n=n)).problems for n in (5, 9))
    assert more[:5] == few
    other = load_task(TaskConfig(n=5, seed=3)).problems
    assert other[2].id == "story-test-s3-2"
    assert not {p.question for p in other} & {p.question for p in few}


def test_story_answers_are_read_strictly_unless_told_otherwise() -> None:
    assert [load_task(TaskConfig(n=1)).extract(Problem("q", ""), text) for text in ("it is 5", "#### 5")] == [None, "5"]
    assert load_task(TaskConfig(n=1, extract="flexible")).extract(Problem("q", ""), "it is 5") == "5"


def test_the_examples_of_stories_come_from_the_training_split() -> None:
    task = load_task(TaskConfig(n=3, shots=2, split="test"))
    assert len(task.prompt.shots) == 2
    assert task.prompt.shots[0][1].splitlines()[-1].startswith("#### ")
    assert not {question for question, _ in task.prompt.shots} & {p.question for p in task.problems}


# --- files -----------------------------------------------------------------------------------------------------------


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


def test_a_compressed_file_and_the_problems_of_a_seed(tmp_path: Path, scored: str) -> None:
    packed = tmp_path / "test.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(scored).read_bytes()))
    everything = load_task(TaskConfig(name="gsm8k", path=str(packed))).problems
    assert everything == load_task(TaskConfig(name="gsm8k", path=scored)).problems
    few, more, other = (
        load_task(TaskConfig(name="gsm8k", path=scored, n=n, seed=seed)).problems
        for n, seed in ((6, 0), (12, 0), (6, 1))
    )
    assert set(few) < set(more) < set(everything)
    assert set(other) != set(few)
    assert list(more) == [p for p in everything if p in more]
    assert load_task(TaskConfig(name="gsm8k", path=scored, n=99)).problems == everything


def test_a_file_of_ones_own_may_have_ids_and_bare_golds(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "?", "gold": 5},
        {"question": "!", "answer": "1,000"},
        {"question": ";", "gold": "1/2"},
    ]
    task = load_task(TaskConfig(name="jsonl", path=written(tmp_path / "own.jsonl", rows), split="mine"))
    assert [(p.id, p.gold, p.task) for p in task.problems] == [
        ("a", "5", "jsonl"),
        ("jsonl-mine-1", "1000", "jsonl"),
        ("jsonl-mine-2", "0.5", "jsonl"),
    ]


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
        task = load_task(TaskConfig(name="gsm8k", path=scored, n=2, shots=k, shots_path=train, seed=seed))
        assert task.template.count("Question: ") == k + 1
        return task.prompt.shots

    assert shots(0) == shots(0) != shots(1)
    assert {question for question, _ in shots(0, 10)} == {row["question"] for row in ROWS[30:]}
    assert all(answer.startswith(" It is.\n#### ") for _, answer in shots(0))  # without the calculator's marks
    with pytest.raises(InputError, match=r"task\.shots=11 is more than the 10 questions of .*train\.jsonl"):
        shots(0, 11)
    with pytest.raises(InputError, match=r"task\.shots=1 is more than the 0 questions of .*test\.jsonl"):
        load_task(TaskConfig(name="gsm8k", path=scored, n=2, shots=1, shots_path=scored))
    with pytest.raises(InputError, match=r"task\.shots=1 needs task\.shots_path"):
        load_task(TaskConfig(name="gsm8k", path=scored, shots=1))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            '{"question": "?"}',
            r'bad\.jsonl, line 3: has no gold answer; expected a number under `gold`, or "\.\.\. ####',
        ),
        ('{"question": "?", "answer": "well"}', r"line 3: no number can be read from its answer 'well'; expected"),
        ('{"question": "?", "answer": "5\\n####"}', r"line 3: no number can be read"),
        ('{"question": "?", "answer": true}', r"line 3: no number can be read from its answer True"),
        ('{"question": "?", "gold": [1]}', r"line 3: no number can be read"),
        ('{"answer": "#### 5"}', r"line 3: has no question"),
        ('{"question": " ", "answer": "#### 5"}', r"line 3: has no question"),
        ('{"question": "?", "answer": "#### 5", "id": 7}', r"line 3: id must be text, got 7"),
        ('{"question": "?", "answer": "#### 5", "id": "a"}', r"line 3: the id 'a' is given twice"),
        ("[1]", r"line 3: must be an object such as"),
        ("{", r"line 3: is no JSON \("),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f'{{"id": "a", "question": "?", "answer": "#### 5"}}\n\n{line}\n')
    with pytest.raises(InputError, match=sentence) as caught:
        load_task(TaskConfig(name="jsonl", path=str(path)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no such file"),
        (b"\n\n", "holds no questions"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b"\x1f\x8bhalf", "is a damaged gzip file"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "bad.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"bad\.jsonl: {sentence}"):
        load_task(TaskConfig(name="gsm8k", path=str(path)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "gsm8"}, r"unknown task 'gsm8': .*did you mean gsm8k\?"),
        ({"extract": "loose"}, r"unknown task\.extract 'loose'"),
        ({"n": 0}, r"task\.n must be at least 1, got 0"),
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


def test_grading_compares_numbers_and_not_their_spelling() -> None:
    task, problem = load_task(TaskConfig(n=1)), Problem("q", "?", "1000")
    assert [task.grade(problem, Sample(answer=a)) for a in ("1000", "1,000", "1000.0", "1001", None, "x")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert not task.grade(Problem("q", "?"), Sample(answer="5"))


# --- the hub, and the real thing -------------------------------------------------------------------------------------


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


def test_the_whole_of_gsm8k_loads() -> None:
    test, train = data_file("gsm8k_test.jsonl.gz"), data_file("gsm8k_train.jsonl.gz")
    task = load_task(TaskConfig(name="gsm8k", path=str(test), shots=8, shots_path=str(train)))
    assert len(task.problems) == 1319
    assert task.problems[0].gold == "18"
    assert all(task.grade(p, Sample(answer=p.gold)) for p in task.problems)
    assert task.template.count("Question: ") == 9


def test_the_configuration_of_a_real_model_loads_and_its_prompt_renders(scored: str, train: str) -> None:
    files = [CONFIGS / "task" / "gsm8k.yaml", CONFIGS / "model" / "qwen.yaml"]
    config = load_config(RunConfig, files, [f"task.path={scored}", f"task.shots_path={train}"])
    assert (config.engine.kind, config.engine.model) == ("vllm", "Qwen/Qwen2.5-1.5B-Instruct")
    assert config.engine.folder is None and config.engine.sampling.top_p == 0.8
    task = load_task(config.task)
    text = task.prompt.text(task.problems[3])
    assert text.count("Question: ") == 5 and text.endswith("Question: What is 3 and 3?\nAnswer:")
    assert task.extract(task.problems[3], " 3 and 3 is 6.\n#### 6") == "6"
