"""Scorers that ask through a server: a further turn of the chat, its tokens in the ledger, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.support.servers.judging import Replies, asked
from tests.support.servers.plain import Body, serving


def reply(body: Body, number: int) -> str:
    text = asked(body)
    if "(A) True" in text:
        return "A"
    if "How likely" in text:
        return "I am 85% sure."
    return "We add.\n#### 5"


class TellsLabels(Replies):
    """Tells the labels of P(True) among the most probable first tokens."""

    def token(self, word: str, top: list[Body]) -> Any:
        others = [{"token": "(B", "logprob": -2.0}, {"token": " A", "logprob": -4.0}]
        own = {"token": word, "logprob": -0.2}
        return {**own, "top_logprobs": [own, *others] if top else []}


class TellsNone(Replies):
    """Tells no log-probabilities."""

    def logprobs(self, words: tuple[str, ...], body: Body) -> Any:
        return None


def run(tts: Tts, folder: Path, script: Replies, scorer: str, *more: str) -> tuple[Any, Any]:
    questions = folder / "questions.jsonl"
    questions.write_text('{"question": "What is 2 + 3?", "answer": "5"}\n')
    with serving(script) as server:
        ran = tts(
            "run", questions, "engine.kind=openai", "engine.model=m", f"engine.url={server.url}",
            "engine.openai.retries=0", "strategies=[best_of_n]", "budget=2", f"scorer={scorer}", *more,
            f"out={folder / 'run.sqlite'}", "--json", folder / "run.json",
        )  # fmt: skip
    found = json.loads((folder / "run.json").read_text())["strategies"][0]["decisions"][0] if not ran.status else None
    return ran, found


@pytest.mark.parametrize("more", [(), ("engine.openai.n=true",)])
def test_verbalised_confidence_is_a_further_turn(tts: Tts, tmp_path: Path, more: tuple[str, ...]) -> None:
    script = Replies(reply)
    ran, found = run(tts, tmp_path, script, "verbalised", *more)
    assert ran.status == 0, ran.err
    assert (found["answer"], found["p_correct"]) == ("5", 0.85)
    assert found["usage"]["scorer_decode"] == 2 * 4 and found["usage"]["scorer_prefill"] == 2 * 11
    [turn, *_] = [body["messages"] for body in script.seen if "How likely" in asked(body)]
    assert [message["role"] for message in turn][-3:] == ["user", "assistant", "user"]
    assert turn[-2]["content"] == "We add.\n#### 5" and "your answer 5" in turn[-1]["content"]


def test_verbalised_confidence_works_where_texts_are_completed(tts: Tts, tmp_path: Path) -> None:
    ran, found = run(tts, tmp_path, Replies(reply), "verbalised", "task.chat=false")
    assert ran.status == 0, ran.err
    assert found["p_correct"] == 0.85


def test_p_true_reads_the_first_token_of_the_reply(tts: Tts, tmp_path: Path) -> None:
    ran, found = run(tts, tmp_path, TellsLabels(reply), "p_true")
    assert ran.status == 0, ran.err
    assert found["p_correct"] == pytest.approx(0.8608, abs=1e-4)  # (e^-.2 + e^-4) against e^-2
    assert found["usage"]["scorer_decode"] > 0


def test_p_true_is_refused_before_the_first_draw_where_nothing_is_told(tts: Tts, tmp_path: Path) -> None:
    script = TellsNone(reply)
    ran, _ = run(tts, tmp_path, script, "p_true")
    said = " ".join(ran.err.split())
    assert ran.status == 2 and "scorer p_true reads the probabilities of a reply's first token" in said
    assert "verbalised, judge and self_consistency read no probabilities" in said
    assert not any("What is 2 + 3?" in asked(body) for body in script.seen)
