"""Equal answers of live runs over real HTTP: a judge joins free text, and a replay of the pool decides the same."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.support.servers.judging import Replies, asked
from tests.support.servers.plain import Body, PlainServer, RefusalError, serving

ANSWERS = ("in Rome", "Paris", "it is Paris", "the city of Paris", "Rome", "Paris, France")


def model() -> Replies:
    answers = cycle(ANSWERS)
    return Replies(lambda body, _: f"Answer: {next(answers)}" if "capital" in asked(body) else "Hi")


def judge(body: Body, number: int) -> str:
    text = asked(body)
    if "Hello" in text:
        return "Hi"
    first = text.partition("First answer: ")[2].partition("\n")[0]
    second = text.partition("Second answer: ")[2].partition("\n")[0]
    if "city" in first + second:
        return "I cannot say."
    return f"Same: {'yes' if ('paris' in first) == ('paris' in second) else 'no'}"


class FailingJudge(PlainServer):
    """Answers the probe and nothing else."""

    def check(self, body: Body) -> None:
        if "First answer" in asked(body):
            raise RefusalError(400, "too hard")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "What is the capital of France?", "answer": "Paris"}\n')
    return path


def server(key: str, url: str) -> tuple[str, ...]:
    return f"{key}.kind=openai", f"{key}.model=m", f"{key}.openai.urls=[{url}]", f"{key}.openai.retries=0"


def test_a_judge_joins_answers_live_and_in_the_replay(tts: Tts, questions: Path, tmp_path: Path) -> None:
    pool, target = tmp_path / "run.sqlite", tmp_path / "run.json"
    second = Replies(judge)
    with serving(model()) as drawing, serving(second) as judging:
        ran = tts(
            "run", questions, *server("engine", drawing.url), "task.answers=text", "task.equal=judge",
            *server("task.equal.engine", judging.url), "strategies=[self_consistency,first_sample]", "budget=6",
            f"out={pool}", "--json", target,
        )  # fmt: skip
        assert ran.status == 0, ran.err
        pairs = [body for body in second.seen if "First answer" in asked(body)]
        again = tts(
            "compare", pool, "--answers", "text", "--equal", "judge", *server("equal.engine", judging.url),
            "strategies=[self_consistency]", "permutations=2", "replicates=20",
        )  # fmt: skip
        decided = tts("decide", pool, "answers=text", "equal=judge", *server("equal.engine", judging.url), "budget=6")
        exact = tts("compare", pool, "--answers", "text", "strategies=[self_consistency]", "permutations=2")
    vote, first = json.loads(target.read_text())["strategies"]
    [decision], [single] = vote["decisions"], first["decisions"]
    assert decision["correct"] is True and decision["vote_share"] == 0.5
    assert decision["usage"]["scorer_decode"] > 0 and single["usage"]["scorer_decode"] == 0
    found = json.loads(decided.out)
    assert found["answer"] == decision["answer"] and found["vote_share"] == decision["vote_share"], decided.err
    assert "equal=judge: the judge compared" in decided.err
    texts = [asked(body) for body in pairs]
    assert len({text for text in texts}) == len({t.partition("First")[2] for t in texts})  # each pair is one prompt
    assert "equal=judge: the judge compared" in ran.out and "could not be read and count as not equal" in ran.out
    assert again.status == 0 and "equal=judge: the judge compared" in again.out, again.err
    assert exact.status == 0 and "equal=judge" not in exact.out


def test_a_failing_judge_is_one_sentence(tts: Tts, questions: Path, tmp_path: Path) -> None:
    with serving(model()) as drawing, serving(FailingJudge()) as judging:
        ran = tts(
            "run", questions, *server("engine", drawing.url), "task.answers=text", "task.equal=judge",
            *server("task.equal.engine", judging.url), "strategies=[self_consistency]", "budget=3",
            f"out={tmp_path / 'run.sqlite'}",
        )  # fmt: skip
    assert ran.status == 2 and "the judge of equal=judge failed" in ran.err and "too hard" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("task.equal=meaning", "unknown equality in task.equal 'meaning'"),
        ("task.equal=judge", "task.equal=judge needs task.equal.engine"),
        ("task.equal={name: judge, engine: {kind: openai, model: m}}", "answers of the kind text: give task.answers"),
        ("task.equal={name: entailment, model: nowhere}", "answers of the kind text: give task.answers=text"),
    ],
)
def test_what_cannot_compare_is_refused_before_the_first_draw(
    tts: Tts, tmp_path: Path, given: str, sentence: str
) -> None:
    ran = tts("run", "engine.kind=fake", "task.questions=2", given, f"out={tmp_path / 'run.sqlite'}")
    assert ran.status == 2 and sentence in " ".join(ran.err.split()) and not (tmp_path / "run.sqlite").exists()
