"""Log-probabilities, reasoning, usage and requests of several samples, as scripted servers send them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.cli.live.server_cases import right, tried
from tests.support.servers import answering, refusing
from tests.support.servers.plain import PlainServer, serving

MEAN = "scorer.name=mean_logprob"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (PlainServer, math.exp(-0.1)),
        (answering.NoTop, math.exp(-0.1)),
        (answering.Sentinel, math.exp(-0.1)),
        (answering.TwinTexts, math.exp(-0.1)),
        (answering.Together, math.exp(-0.1)),
    ],
)
def test_log_probabilities_are_those_of_the_tokens(
    tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer], expected: float
) -> None:
    found = tried(tts, tmp_path, script(), MEAN)
    right(found)
    assert [s.confidence for s in found.samples] == [pytest.approx(expected)] * 2


def test_a_first_token_without_a_log_probability_is_left_out(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.FirstNull(), MEAN, chat=False)
    right(found)
    assert found.samples[0].confidence == pytest.approx(math.exp(-0.1))


def test_fewer_alternatives_are_averaged_over(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.FewerAlternatives(), "scorer.name=mean_logprob", "engine.signals.top=5")
    right(found)
    assert "4 of the 5 most probable tokens" in found.err


def test_a_run_that_reads_no_alternatives_says_nothing_of_them(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.FewerAlternatives(), "scorer.name=mean_logprob")
    right(found)
    assert "most probable" not in found.err


@pytest.mark.parametrize("chat", [True, False])
def test_log_probabilities_that_streams_lack_are_refused_before_the_run(
    tts: Tts, tmp_path: Path, questions: Path, chat: bool
) -> None:
    found = tried(tts, tmp_path, answering.NotInStreams(), MEAN, chat=chat)
    assert found.status == 2 and "log-probabilities" in found.err and not (tmp_path / "run.sqlite").exists()


def test_reasoning_is_kept_apart_and_counted(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.ReasoningContent())
    assert [s.reasoning for s in found.samples] == ["#### 4 "] * 2
    assert [s.text for s in found.samples] == ["We add.\n#### 5"] * 2


class ThoughtsOnly(answering.ReasoningContent):
    """All tokens went into the thoughts of one reply in three (xorbitsai/xagent#626)."""

    def events(self, body: dict[str, Any]) -> Any:
        if (self.number(body) + 1) % 3:
            yield from super().events(body)
        else:
            yield self.wrapped([{"index": 0, "delta": {"reasoning_content": "so"}, "finish_reason": "length"}])


def test_a_reply_without_text_is_one_sample_without_an_answer(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, ThoughtsOnly(), MEAN, "budget=6")
    assert found.status == 0 and len(found.samples) == 6
    assert {s.answer for s in found.samples} == {"5", None}
    assert {s.confidence for s in found.samples if s.answer is None} == {0.0}


@pytest.mark.parametrize(
    ("script", "requests"), [(answering.TakesN, 1), (refusing.RefusesN, 3), (PlainServer, 2)], ids=["takes", "400", "1"]
)
def test_the_first_wave_is_one_request_with_n(
    tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer], requests: int
) -> None:
    server = script()
    found = tried(tts, tmp_path, server, "engine.openai.n=true", "lookahead=1")
    assert [s.answer for s in found.samples] == ["5", "5"]
    drawn = server.seen[[body.get("n") for body in server.seen].index(2) :]
    assert len(drawn) == requests and ("one sample is asked at a time" in found.err) == (requests > 1)
    assert [s.usage.delivered for s in found.samples if s.usage] == [5, 5]
    assert sum(s.usage.prompt for s in found.samples if s.usage) == 11 * (1 if requests == 1 else 2)


@pytest.mark.parametrize("script", [answering.UsageOfEachChoice, answering.UsageOfOneChoice])
def test_a_wave_is_charged_all_of_its_tokens(
    tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer]
) -> None:
    found = tried(tts, tmp_path, script(), "engine.openai.n=true", "lookahead=1")
    assert [s.usage.delivered for s in found.samples if s.usage] == [5, 5]
    assert sum(s.usage.prompt for s in found.samples if s.usage) == 11
    assert ("estimated" in found.err) == (script is answering.UsageOfOneChoice)


def test_draws_ahead_are_a_part_of_the_first_wave(tts: Tts, tmp_path: Path, questions: Path) -> None:
    """VLLM's server is asked for shorter events where a draw may be closed."""
    server = answering.Vllm()
    with serving(server) as opened:
        ran = tts(
            "sample", questions, "engine.kind=openai", "engine.model=m", f"engine.url={opened.url}", "samples=3",
            "engine.openai.n=true", f"out={tmp_path / 's.sqlite'}",
        )  # fmt: skip
    assert ran.status == 0, ran.err
    assert [body["n"] for body in server.seen if "n" in body] == [3] and server.seen[-1]["n"] == 3
    assert server.seen[-1]["stream_interval"] == 8


def test_cached_prompt_tokens_are_told_apart(tts: Tts, tmp_path: Path, questions: Path) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    found = tried(tts, tmp_path, answering.reports(usage)())
    assert found.samples[0].usage is not None
    assert (found.samples[0].usage.prompt, found.samples[0].usage.prompt_cached) == (3, 8)


def test_missing_usage_is_estimated_and_said(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.reports({})())
    assert "they are estimated from the length of the texts" in found.err


def test_what_keeps_a_server_from_exact_probabilities_is_named(tts: Tts, tmp_path: Path, questions: Path) -> None:
    more = ("strategies=[distinct_best_first]", "engine.temperature=0.7")
    found = tried(tts, tmp_path, answering.FewerAlternatives(), *more, chat=False)
    assert (
        found.status == 2 and "which this engine cannot collect at temperature=0.7: draw at temperature=1" in found.err
    )
