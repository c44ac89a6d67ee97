"""``tts ask``: one question on the command line or on standard input."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.cases import FAKE, Tts
from tts.cli.ask import split

ENGINE = [argument for argument in FAKE if argument.startswith("engine.")]


def test_it_prints_the_answer_and_its_cost(tts: Tts) -> None:
    ran = tts("ask", "What is 3 + 4?", *ENGINE, "strategy=esc", "budget=6")
    assert ran.status == 0, ran.err
    rows = dict(line.split(maxsplit=1) for line in ran.out.replace("vote share", "vote_share").splitlines())
    assert list(rows) == ["answer", "p_correct", "vote_share", "samples", "tokens", "model"]
    assert "of at most 6, stopped by" in rows["samples"] and rows["p_correct"] == "-"


def test_it_reads_standard_input(tts: Tts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffWhat is 3 + 4?\n".encode())))
    piped = tts("ask", "-", *ENGINE, "strategy=esc")
    assert piped.status == 0 and piped.out == tts("ask", "What is 3 + 4?", *ENGINE, "strategy=esc").out


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "a question must be text, got nothing"),
        (b"\xff\xfe", "standard input is no UTF-8 text"),
    ],
)
def test_standard_input_without_a_question_is_refused(
    tts: Tts, monkeypatch: pytest.MonkeyPatch, given: bytes, sentence: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    ran = tts("ask", *ENGINE)
    assert ran.status == 2 and sentence in ran.err


def test_the_question_is_the_one_argument_that_is_no_setting() -> None:
    question = "If x=3 and y = 4, what is x + y?"
    assert split(["budget=4", question, "configs/model/tiny.yaml"]) == (
        question,
        ["budget=4", "configs/model/tiny.yaml"],
    )
    assert split(["-", "engine.openai.url=http://x/?a=b"]) == (None, ["engine.openai.url=http://x/?a=b"])
