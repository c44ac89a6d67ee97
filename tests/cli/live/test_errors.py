"""Bad input of ``tts sample`` and ``tts run``: one sentence each, and no pool is made."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.cases import FAKE, TASK, Tts
from tts.pool import PoolStore
from tts.types import Problem

BAD = [
    ("sample out=p.jsonl", r"p\.jsonl: the file name must end in \.sqlite, \.db, \.pool"),
    ("sample out=no/p.sqlite", r"cannot write no/p\.sqlite: the folder .*/no does not exist"),
    ("sample out=p.sqlite samples=0", r"samples must be at least 1, got 0"),
    ("sample out=p.sqlite missing.yaml", r"config file missing\.yaml does not exist"),
    ("sample out=p.sqlite strategies=[esc]", r"override 'strategies=\[esc\]': unknown key 'strategies': allowed .*"),
    (
        "sample out=p.sqlite engine.modle=tiny",
        r".*unknown key 'engine\.modle': engine has kind, .*; did you mean engine\.model\?",
    ),
    ("sample out=p.sqlite engine.kind=vlm", r"unknown engine\.kind 'vlm': allowed are fake, .*; did you mean vllm\?"),
    (
        "sample out=p.sqlite engine.vllm.max_num_seqs=4",
        r"engine\.vllm is for engine\.kind=vllm, and engine\.kind is transformers: set engine\.kind=vllm, .*",
    ),
    ("sample out=p.sqlite engine.kind=vllm engine.signals.entropy=true", r"vLLM reports no entropies or self-.*"),
    (
        "sample out=p.sqlite engine.kind=vllm engine.check_every_tokens=0",
        r"engine\.check_every_tokens must be at least 1, got 0",
    ),
    ("sample out=p.sqlite engine.kind=openai", r"engine\.kind=openai needs engine\.openai\.urls, such as .*"),
    (
        "sample out=p.sqlite engine.kind=openai engine.openai.urls=[x]",
        r".*engine\.openai\.urls must be URLs such as .*",
    ),
    (
        "sample out=p.sqlite engine.dtype=int8",
        r"engine\.dtype must be one of auto, float32, .*, got 'int8'",
    ),
    ("sample out=p.sqlite engine.device=tpu", r"engine\.device must be one of auto, cpu, cuda, mps, got 'tpu'"),
    ("sample out=p.sqlite engine.max_batch_size=0", r"engine\.max_batch_size must be at least 1, .*"),
    ("sample out=p.sqlite engine.temperature=-1", r"temperature must be at least 0, got -1\.0"),
    (
        "sample out=p.sqlite engine.model=./no/such",
        r"engine\.model \./no/such: no such directory or GGUF file; give tiny, .*",
    ),
    ("sample out=p.sqlite engine.model=a/b/c", r"engine\.model a/b/c: no such directory or GGUF file; give tiny, .*"),
    ("sample out=p.sqlite task.name=gsm", r"unknown task 'gsm': allowed are .*"),
    ("sample out=p.sqlite task.name=jsonl task.path=no.jsonl", r"no\.jsonl: no such file"),
    (
        "sample out=p.sqlite task.name=jsonl task.path=nogold.jsonl",
        r"nogold\.jsonl, line 2: has no gold answer, and .*",
    ),
    ("sample out=p.sqlite FAKE engine.signals.top=5", r"this engine cannot record top-k confidences, which this .*"),
    ("sample out=other.db FAKE", r"other\.db: a SQLite file, but not a pool"),
    ("run out=p.sqlite FAKE strategies=[escc]", r"unknown strategy 'escc': allowed are .*; did you mean esc\?"),
    ("run out=p.sqlite FAKE strategies=[]", r"no strategy was named: .*"),
    ("run out=p.sqlite FAKE strategies=[cges]", r"strategy cges needs confidences, and there .*"),
    ("run out=p.sqlite FAKE strategies=[oracle]", r"strategy oracle is a control for .*"),
    (
        "run out=p.sqlite FAKE strategies=[pandora] scorer.name=watched",
        r"strategy pandora learns from other questions: give fit=POOL",
    ),
    ("run out=p.sqlite FAKE strategies=[deepconf_online]", r"this engine cannot record top-k confidences, which .*"),
    ("run out=p.sqlite FAKE budget=0", r"budget must be at least 1, got 0"),
    ("run out=p.sqlite FAKE lookahead=-1", r"lookahead must be at least 0, got -1"),
    ("run out=p.sqlite FAKE scorer.name=nme", r"unknown scorer 'nme': allowed are apricot, cocoa_msp, .*"),
    ("run out=p.sqlite FAKE scorer=3", r"unknown scorer '3': allowed are .*"),
    (
        "run out=p.sqlite FAKE scorer.name=mean_logprob scorer.depth=3",
        r"unknown option of scorer mean_logprob 'depth': allowed .*",
    ),
    (
        "run out=p.sqlite FAKE scorer.name=deepconf_tail scorer.window=x",
        r"scorer deepconf_tail needs a whole number .*",
    ),
    ("run out=p.sqlite FAKE scorer.name=reward", r"scorer reward needs scorer\.path"),
    ("run out=p.sqlite FAKE scorer.name=deepconf_tail", r"scorer deepconf_tail\(window=32\) gives raw scores, and .*"),
    (
        "run out=p.sqlite FAKE strategies=[esc] scorer.name=self_consistency",
        r"strategy esc draws samples one after another, and the scorer compares samples that are drawn together: .*",
    ),
    (
        "run out=p.sqlite FAKE scorer.name=mean_logprob scorer.calibration=no.json",
        r"no\.json: no such file",
    ),
    (
        "run out=p.sqlite FAKE calibrate=platt",
        r"calibrate=platt fits a map for a scorer on a pool: give scorer\.name .*",
    ),
    (
        "run out=p.sqlite engine.model=a/b scorer.name=watched",
        r"scorer watched reads the fake engine's own confidence: give .*",
    ),
    ("run out=p.sqlite FAKE calibrate=plat", r"unknown calibration 'plat': .*did you mean platt\?"),
    ("run out=p.sqlite FAKE scorer.name=watched calibrate=platt", r"calibrate=platt fits .*: give fit=POOL too"),
    ("run out=p.sqlite FAKE fit=no.sqlite", r"no\.sqlite: no such file"),
    ("run out=p.sqlite FAKE --json p.sqlite", r"cannot write p\.sqlite twice: give out=FILE and the other files .*"),
    ("run out=p.sqlite FAKE --json no/j.json", r"cannot write no/j\.json: the folder .* does not exist"),
    ("run out=p.sqlite FAKE margin=2", r"margin must be in \[0, 1\) as a fraction .*, got 2\.0"),
]


@pytest.mark.parametrize(("command", "sentence"), BAD, ids=[command for command, _ in BAD])
def test_bad_input_gets_one_sentence_and_leaves_no_pool(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, sentence: str
) -> None:
    import sqlite3

    monkeypatch.chdir(tmp_path)
    (tmp_path / "nogold.jsonl").write_text('{"question": "!", "gold": 5}\n{"question": "?"}\n')
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    ran = tts(*command.replace("FAKE", "engine.kind=fake task.questions=2").split())
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(rf"tts: {sentence}\n", ran.err)
    assert not (tmp_path / "p.sqlite").exists()


def test_a_fit_pool_that_does_not_fit_is_one_sentence(tts: Tts, tmp_path: Path, calibration: Path) -> None:
    base = ("run", *FAKE, *TASK, f"fit={calibration}", f"out={tmp_path / 'p.sqlite'}", "scorer.name=watched")
    for changes, sentence in (
        (("budget=7", "strategies=[grace_es]"), r"has a question with 6 samples and the budget is 7: draw more"),
        (
            ("scorer.name=p_true",),
            r'has scores of \{"name":"watched"\} and this run uses \{"name":"p_true"\}: draw it by',
        ),
        (("scorer.name=entropy", "calibrate=platt"), r"cal\.sqlite: trace score entropy reads entropies and sample 0"),
        (
            ("engine.kind=transformers", "engine.model=a/b", "scorer.name=constant"),
            r"was drawn by fake and this run draws by a/b",
        ),
    ):
        ran = tts(*base, *changes)
        assert (ran.status, ran.out) == (2, "")
        assert re.search(sentence, ran.err)
        assert len(ran.err.splitlines()) == 1


def test_another_question_under_the_same_id_is_refused(tts: Tts, tmp_path: Path) -> None:
    path, file = tmp_path / "p.sqlite", tmp_path / "q.jsonl"
    command = ("sample", *FAKE, "task.name=jsonl", f"task.path={file}", "samples=1", f"out={path}")
    for question, status in (("one ?", 0), ("two ?", 2)):
        file.write_text(json.dumps({"question": question, "gold": 5}) + "\n")
        ran = tts(*command)
        assert ran.status == status
    assert "question 'jsonl-test-0' is there already with another text" in ran.err


def test_a_pool_that_somebody_writes_is_refused_and_left_alone(tts: Tts, tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    with PoolStore.create_or_open(path) as store:
        store.add_problem(Problem("a", "?"))
        ran = tts("sample", *FAKE, "task.questions=2", "samples=1", f"out={path}")
        assert ran.status == 2
        assert "is being written by another process" in ran.err
