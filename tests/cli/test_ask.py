"""``tts ask``: one question on the command line or on standard input."""

from __future__ import annotations

import io
import sys

import pytest

from tests.cli.cases import FAKE, Tts
from tests.support.servers.plain import serving
from tests.support.servers.weighted import WeightedServer
from tts.cli.ask import split

ENGINE = [argument for argument in FAKE if argument.startswith("engine.")]


def test_it_prints_the_answer_and_its_cost(tts: Tts) -> None:
    ran = tts("ask", "What is 3 + 4?", *ENGINE, "strategy=esc", "budget=6")
    assert ran.status == 0, ran.err
    rows = dict(line.split(maxsplit=1) for line in ran.out.replace("vote share", "vote_share").splitlines())
    assert list(rows) == ["answer", "p_correct", "vote_share", "samples", "tokens", "model"]
    assert "of at most 6, stopped by" in rows["samples"] and rows["p_correct"] == "-"


def test_it_tells_whether_the_answer_is_certified_and_why_there_are_no_masses(tts: Tts) -> None:
    pytest.importorskip("openai")
    with serving(WeightedServer()) as server:
        here = ("engine.kind=openai", "engine.model=m", f"engine.openai.urls=[{server.url}]", "task.chat=true")
        ran = tts("ask", "2 + 3?", *here, "strategy=mass_gated", "temperature=1")
        assert (
            "certified  yes, mass 1.000, unseen 0.000\nsamples    1 of at most 16" in ran.out and "mass" not in ran.err
        )
        ran = tts("ask", "2 + 3?", *here, "strategy=mass_gated", "temperature=0.8")
        assert "certified" not in ran.out and ran.err.count("at temperature=0.8: draw at temperature=1") == 1
        ran = tts("ask", "2 + 3?", *here, "strategy=mass_certificate", "top_p=0.9")
    assert ran.status == 2 and "strategy mass_certificate needs" in ran.err
    assert "cannot collect at temperature=0.8, top_p=0.9: draw at temperature=1" in ran.err


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
