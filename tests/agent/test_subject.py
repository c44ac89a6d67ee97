"""The subject of the agent benchmark: halves of SVAMP, keys of commands, and one sentence for bad input."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

from benchmarks import its_hub
from benchmarks.agent.subject import Subject, check
from benchmarks.workloads.workload import open_workload
from tts.errors import InputError
from tts.models.bundled import weights
from tts.stories.stories import take

CONFIG = """
task: {template: "{question}\\n", system: "", chat: false}
engine: {temperature: 0.8, max_tokens: 200}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration of the bundled model as a directory, and stories in the place of SVAMP."""
    stories = enumerate(take("test", 12, seed=1))
    rows = [{"id": f"s{i}", "question": s.question, "answer": s.answer} for i, s in stories]
    with gzip.open(tmp_path / "svamp_test.jsonl.gz", "wt") as file:
        file.write("".join(f"{json.dumps(row)}\n" for row in rows))
    monkeypatch.setenv("TTS_DATA", str(tmp_path))
    (path := tmp_path / "model.yaml").write_text(CONFIG)
    return path


def test_the_halves_share_no_question_and_no_more_are_given(config: Path) -> None:
    workload = open_workload(str(weights("grace")), config=config)
    test, fit = workload.take("test", 6), workload.take("calibration", 6)
    assert len({problem.id for problem in (*test, *fit)}) == 12
    assert workload.take("test", 2) == test[:2]
    assert workload.prompt.template == "{question}\n" and workload.sampling.max_tokens == 200
    with pytest.raises(InputError, match="7 questions of the split test were asked for and it has 6"):
        workload.take("test", 7)


def test_a_subject_asks_its_own_questions_by_its_own_configuration(config: Path, tmp_path: Path) -> None:
    subject = check(Subject(str(weights("grace")), config=config, out=tmp_path))
    assert subject.count(1000, 1.0) == 6 and Subject().count(1000, 0.5) == 500
    file, given, model, *_ = subject.keys("calibration", 3)
    rows = [json.loads(line) for line in Path(file).read_text().splitlines()]
    assert [row["id"] for row in rows] == [problem.id for problem in subject.questions(3, seed=82)]
    assert given == str(config) and model == f"engine.model={weights('grace')}"
    assert subject.folder == tmp_path / weights("grace").name
    assert Subject().keys("test", 2)[:2] == ["configs/task/stories.yaml", "configs/model/grace.yaml"]


def test_the_server_gets_the_prompt_of_our_engines(config: Path) -> None:
    jinja2, tokenizer = pytest.importorskip("jinja2"), pytest.importorskip("transformers").AutoTokenizer
    workload = open_workload(str(weights("tiny")), config=config)
    template = its_hub.template_of(workload)
    assert template is not None
    begin = tokenizer.from_pretrained(workload.folder).bos_token
    assert jinja2.Template(template).render(bos_token=begin, messages=[{"content": "Why?"}]) == f"{begin}Why?\n"


def test_bad_input_is_one_sentence(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=r"--scorer grace reads a confidence token and .* has none: give a model of"):
        check(Subject(str(weights("tiny")), config=config, out=tmp_path))
    with pytest.raises(InputError, match="--model no-such: no such directory"):
        open_workload("no-such")
    from benchmarks.agent.__main__ import main

    monkeypatch.setattr(sys, "argv", ["agent", "--model", str(weights("tiny")), "--config", str(config)])
    assert main() == 2
    assert capsys.readouterr().err.startswith("error: --scorer grace reads a confidence token")


@pytest.mark.slow
def test_promise_drift_and_agent_loop_on_the_model_of_a_directory(config: Path, tmp_path: Path) -> None:
    from benchmarks.agent import loop, promise

    subject = Subject(str(weights("grace")), config=config, out=tmp_path)
    assert "fitted on 6 questions, counted on 6 others" in promise.promises(subject, 0.1)
    assert "words of own draws, shuffled" in promise.drift(subject, 0.1)
    table = loop.agent_loop(subject, 0.02)
    assert [line[:26].strip() for line in table.splitlines()][1:2] == ["one answer"] and "16 votes" in table
