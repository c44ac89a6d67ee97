"""Small inputs after public bug reports of other tools, with the right value; the numbers are those of the reports."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evals.tasks.reading import extractor
from strategies.counts import leader_probability
from tests.cli.cases import Tts
from tts.answers import extract_gsm8k, merge
from tts.answers.math import MathVerifier
from tts.prompts import Prompt
from tts.types import Problem

RUN_ON = "She makes 9 * 2 = 18.\n#### 18\n\nQuestion: Tom has 3 cats. How many legs?\nAnswer: 3 * 4 = 12\n#### 12"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("So the answer is \\boxed{18}. I checked it in 3 ways.", id="a05"),
        pytest.param(
            "#### 1. Eggs left\n16 - 7 = 9 eggs.\n\n#### 2. Earnings\n9 x $2 = $18, so she makes $18.", id="a07"
        ),
        pytest.param("#### Step 1: count\n16 - 7 = 9\n#### Step 2: sell\n9 * 2 = 18\nThe answer is **18**.", id="a08"),
        pytest.param("#### Answer: 18", id="a12"),
        pytest.param("#### 18 (eighteen)", id="a15"),
        pytest.param("#### \uff11\uff18", id="a16"),
        pytest.param("<think>Is it #### 12? No.</think>\nThe answer is 18.", id="a17"),
        pytest.param("analysisWe need 9*2. Others say 12 or 16.assistantfinal18", id="a20"),
    ],
)
def test_the_answer_of_a_reply(text: str) -> None:
    assert extract_gsm8k(text, flexible=True) == "18"


@pytest.mark.parametrize("prompt", [Prompt("{question}", chat=True), Prompt("{question}")], ids=["a11-chat", "a11"])
@pytest.mark.parametrize("reading", ["strict", "flexible"])
def test_the_first_question_counts_where_a_reply_runs_on(prompt: Prompt, reading: str) -> None:
    assert extractor(reading, prompt)(Problem("q", "?"), RUN_ON) == "18"


@pytest.fixture(scope="module")
def verifier() -> Iterator[MathVerifier]:
    with MathVerifier() as shared:
        yield shared


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        pytest.param("(1,2)", "\\{1,2\\}", False, id="a28"),
        pytest.param("6.63\\times10^{-34}", "9.11\\times10^{-31}", False, id="a29"),
        pytest.param("2^{-99}", "2^{-98}", False, id="a31"),
        pytest.param("no", "on", False, id="a32"),
        pytest.param("7:30\\text{ a.m.}", "7:30\\text{ p.m.}", False, id="a34"),
        pytest.param("7*sin(pi*x/5)+1", "7\\sin(\\frac{\\pi}{5}x)+1", True, id="a36"),
        pytest.param("0.\\overline{3}", "\\frac13", True, id="a38"),
    ],
)
def test_the_equality_of_two_answers(verifier: MathVerifier, one: str, other: str, equal: bool) -> None:
    assert verifier.equal(one, other) is equal
    assert verifier.equal(other, one) is equal


def test_an_answer_that_computes_for_ever_costs_one_timeout(verifier: MathVerifier) -> None:  # a40
    started, answers = time.monotonic(), ["10^{10^{10}}", "0", "1", "2", "3", "4", "5"]
    assert len(merge(answers, kind="math", equal=verifier.equal).classes) == len(answers)
    assert time.monotonic() - started < 60, "seven answers of one timeout each would take longer"


@pytest.mark.parametrize(
    ("gold", "answers", "accuracy"),
    [
        pytest.param("11+9a", ["9a+11"] * 4, 1.0, id="a41"),
        pytest.param("6.63\\times10^{-34}", ["6.63\\times10^{-34}", *["9.11\\times10^{-31}"] * 3], 0.0, id="a44"),
    ],
)
def test_an_ungraded_pool_is_graded_by_the_verifier(
    tts: Tts, tmp_path: Path, gold: str, answers: list[str], accuracy: float
) -> None:
    line = {"id": "q", "question": "?", "gold": gold, "samples": [{"answer": answer} for answer in answers]}
    (tmp_path / "p.jsonl").write_text(json.dumps(line) + "\n")
    target = tmp_path / "c.json"
    ran = tts("compare", tmp_path / "p.jsonl", "--answers", "math", "--budget", 4, "permutations=4", "--json", target)
    assert ran.status == 0, ran.err
    rows = {row["name"]: row["accuracy"] for row in json.loads(target.read_text())["strategies"]}
    assert rows["self_consistency"] == accuracy


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param({"question": "How many?", "answer": "9 (apples)"}, ("jsonl-test-0", "9"), id="f01"),
        pytest.param({"id": 3, "question": "?", "answer": "9"}, ("3", "9"), id="f03"),
    ],
)
def test_a_question_as_people_write_it(
    tts: Tts, tmp_path: Path, row: dict[str, object], problem: tuple[str, str]
) -> None:
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n")
    target = tmp_path / "p.jsonl"
    sampled = tts("sample", "engine.kind=fake", tmp_path / "q.jsonl", "samples=1", f"out={tmp_path / 'p.sqlite'}")
    assert sampled.status == 0, sampled.err
    assert tts("pool", "export", tmp_path / "p.sqlite", target).status == 0
    line = json.loads(target.read_text())
    assert (line["id"], line["gold"]) == problem


@pytest.mark.parametrize(
    ("questions", "samples"),
    [pytest.param(2, 10_000, id="b01", marks=pytest.mark.slow), pytest.param(4, 2_000, id="b02")],
)
def test_a_pool_of_thousands_of_samples_a_question(tts: Tts, tmp_path: Path, questions: int, samples: int) -> None:
    rng = random.Random(1)
    with (tmp_path / "p.jsonl").open("w") as file:
        for q in range(questions):
            drawn = [{"answer": str(rng.choice([1, 1, 1, 2, 3, rng.randrange(500)]))} for _ in range(samples)]
            file.write(json.dumps({"id": f"q{q}", "question": "?", "gold": "1", "samples": drawn}) + "\n")
    names = "self_consistency,adaptive_consistency"
    ran = tts("compare", tmp_path / "p.jsonl", "--strategies", names, "--budget", 16, "permutations=20")
    assert ran.status == 0, ran.err
    assert "exact curves, accuracy in %, by a random 1000 samples" in " ".join(ran.out.split())


@pytest.mark.parametrize(("lead", "second", "value"), [(5_000, 4_800, 0.97832), (100_000, 99_000, 0.98751)])
def test_large_counts_are_computed_at_once(lead: int, second: int, value: float) -> None:  # b03
    assert leader_probability(lead, second) == pytest.approx(value, abs=5e-6)
    arrays = leader_probability(np.array([lead, 3]), np.array([second, 1]))
    assert arrays == pytest.approx([value, leader_probability(3, 1)], abs=5e-6)


@pytest.mark.parametrize("answer", ["5887.3333", "5887 1/3"])
def test_a_rounded_gold_answer_is_met_within_the_tolerance(tts: Tts, tmp_path: Path, answer: str) -> None:  # f02
    from evals.tasks import TaskConfig, load_task
    from tts.types import Sample

    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "?", "answer": "5887.333333333333"}) + "\n")
    task = load_task(TaskConfig(name="jsonl", path=str(tmp_path / "q.jsonl"), tolerance=0.001))
    [problem] = task.problems
    assert task.grade(problem, Sample(answer=task.extract(problem, f"#### {answer}"))) is True
