"""``tts run`` and ``tts sample`` against scripted servers, over real HTTP: each quirk gives samples or one sentence."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Ran, Tts
from tests.support.servers import answering, failing, refusing
from tests.support.servers.plain import PlainServer, serving
from tts.pool import load_pool

MEAN = "scorer.name=mean_logprob"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "What is 2 + 3?", "answer": "5"}\n')
    return path


class Tried:
    """A finished run: its command, its JSON and its samples."""

    def __init__(self, ran: Ran, folder: Path) -> None:
        self.ran, self.status, self.err = ran, ran.status, " ".join(ran.err.split())
        target, pool = folder / "run.json", folder / "run.sqlite"
        self.json: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
        self.samples = [s for e in load_pool(pool).entries for s in e.samples] if self.status == 0 else []


def tried(tts: Tts, folder: Path, script: PlainServer, *more: str, chat: bool = True, url: str = "") -> Tried:
    """Run two draws of one question against a server."""
    for old in ("run.sqlite", "run.json"):
        (folder / old).unlink(missing_ok=True)
    with serving(script) as server:
        ran = tts(
            "run", folder / "questions.jsonl", "engine.kind=openai", "engine.model=m",
            f"engine.url={url or server.url}", "engine.openai.retries=0", "engine.openai.outage_timeout_s=0.2",
            "strategies=[self_consistency]", "budget=2", f"task.chat={str(chat).lower()}", *more,
            f"out={folder / 'run.sqlite'}", "--json", folder / "run.json",
        )  # fmt: skip
    return Tried(ran, folder)


def right(found: Tried) -> None:
    """Check that every draw is right and counted."""
    assert found.status == 0, found.ran.err
    assert [s.answer for s in found.samples] == ["5", "5"]
    for sample in found.samples:
        assert sample.usage is not None and sample.usage.delivered > 0
        assert sample.usage.prompt + sample.usage.prompt_cached > 0


DRAWN: list[type[PlainServer]] = [
    PlainServer,
    *(
        refusing.UnknownFields400, refusing.UnknownFields422, refusing.StrictTypes, refusing.WantsMaxCompletionTokens,
        refusing.OnlyDefaultTemperature, refusing.TopPBelowOne, refusing.AtLeast16Tokens, refusing.NoStreams,
        refusing.NamesNothing, refusing.NoLogprobs, refusing.SmallContext, refusing.ModelsBare, refusing.ModelsHtml,
        refusing.ModelsText, refusing.Models400, refusing.Models401, refusing.Models405, refusing.Models500,
        refusing.ModelsWithout,
    ),
    *(answering.ends_with(reason) for reason in ("eos", "eos_token", "end_turn", "STOP", "tool_calls", "banana")),
    *(
        answering.reports(usage)
        for usage in (
            {"input_tokens": 11, "output_tokens": 5}, {}, None, {"prompt_tokens": None, "completion_tokens": None},
            {"prompt_tokens": 0, "completion_tokens": 0}, {"total_tokens": 16, "prompt_tokens": 11}, [1],
        )
    ),
    *(
        answering.ChoicesNull, answering.ChoicesMissing, answering.DeltaNull, answering.DeltaMissing, answering.Parts,
        answering.ThoughtParts, answering.ReasoningContent, answering.Reasoning, answering.Crlf, answering.Azure,
        answering.LineSeparators, answering.JsonForStream, answering.JsonLines, answering.Gzip, answering.NoReason,
        answering.LlamaCpp, answering.Together, answering.NotInStreams,
    ),
]  # fmt: skip


@pytest.mark.parametrize("script", DRAWN, ids=lambda script: script.__name__ + str(script.__doc__)[:20])
def test_a_chat_server_is_drawn_from(tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer]) -> None:
    right(tried(tts, tmp_path, script()))


@pytest.mark.parametrize(
    "script",
    [
        PlainServer,
        refusing.UnknownFields422,
        answering.ends_with("length"),
        answering.ends_with("MAX_TOKENS"),
        answering.ChoicesNull,
        answering.Crlf,
        answering.JsonForStream,
        answering.TokenLogprobsNull,
        answering.LlamaCpp,
    ],
    ids=lambda script: script.__name__,
)
def test_a_completions_server_is_drawn_from(
    tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer]
) -> None:
    right(tried(tts, tmp_path, script(), "read_truncated=true", chat=False))


def test_a_name_that_the_list_lacks_is_said(tts: Tts, tmp_path: Path, questions: Path) -> None:
    assert "lists other, not m, and answers all the same" in tried(tts, tmp_path, refusing.ModelsWithout()).err
    assert "all the same" not in tried(tts, tmp_path, PlainServer()).err


def test_only_needed_fields_are_sent_with_the_interface_s_types(tts: Tts, tmp_path: Path, questions: Path) -> None:
    script = PlainServer()
    right(tried(tts, tmp_path, script, "engine.signals.logprobs=false"))
    assert set(script.seen[-1]) == {"model", "messages", "max_tokens", "temperature", "stream", "stream_options"}
    assert all(body["max_tokens"] == 256 and body["stream"] is True for body in script.seen)
    assert not any(body.get("top_logprobs") in (False, 0) for body in script.seen)


def test_refused_fields_are_said_once(tts: Tts, tmp_path: Path, questions: Path) -> None:
    script = refusing.WantsMaxCompletionTokens()
    found = tried(tts, tmp_path, script)
    assert found.err.count("max_completion_tokens is sent instead") == 1
    assert sum("max_tokens" in body for body in script.seen) == 1
    script = refusing.NeverBoth()
    found = tried(tts, tmp_path, script, "engine.top_p=0.9")
    assert "the server refuses top_p=0.9" in found.err and script.seen[-1]["temperature"] == 0.8


@pytest.mark.parametrize(
    "words",
    [
        "System role not supported",
        "Conversation roles must alternate user/assistant/user/assistant/...",
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
    ],
)
def test_a_refused_system_message_opens_the_users_turn(tts: Tts, tmp_path: Path, questions: Path, words: str) -> None:
    script = refusing.refuses_system(words)()
    found = tried(tts, tmp_path, script)
    right(found)
    assert found.err.count("the server refuses a system message") == 1
    [message] = script.seen[-1]["messages"]
    assert message["role"] == "user" and message["content"].startswith("Solve the problem step by step.")
    assert message["content"].endswith("What is 2 + 3?")


@pytest.mark.parametrize("script", [refusing.OnlyCompletions, refusing.NoTemplate])
def test_a_server_without_chats_is_asked_in_plain_text(
    tts: Tts, tmp_path: Path, questions: Path, script: type[PlainServer]
) -> None:
    found = tried(tts, tmp_path, script(), "task.chat=auto")
    right(found)
    assert found.err.count("does not take chat messages") == 1 and "and takes plain text" in found.err
    found = tried(tts, tmp_path, script())
    assert found.status == 2 and "and takes plain text: set task.chat=false" in found.err
    with serving(script()) as server:
        ran = tts("ask", "What is 2 + 3?", "engine.kind=openai", "engine.model=m", f"engine.url={server.url}")
        assert ran.status == 0 and re.search(r"answer +5", ran.out), ran.err
        drawn = tts("sample", questions, "engine.kind=openai", "engine.model=m", f"engine.url={server.url}",
                    "samples=1", f"out={tmp_path / 's.sqlite'}")  # fmt: skip
    assert drawn.status == 0, drawn.err


def test_a_server_of_chats_alone_says_so(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, refusing.OnlyChats(), chat=False)
    assert found.status == 2 and "does not take plain text for m (This is a chat model" in found.err
    assert "and takes chat messages: set task.chat=true" in found.err


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
    assert "tells 4 of the 20 most probable tokens" in found.err


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
        if len(self.seen) % 3:
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


def test_cached_prompt_tokens_are_told_apart(tts: Tts, tmp_path: Path, questions: Path) -> None:
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8}}
    found = tried(tts, tmp_path, answering.reports(usage)())
    assert found.samples[0].usage is not None
    assert (found.samples[0].usage.prompt, found.samples[0].usage.prompt_cached) == (3, 8)


def test_missing_usage_is_estimated_and_said(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, answering.reports({})())
    assert "they are estimated from the length of the texts" in found.err


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (failing.ErrorInside, r"failed \(upstream is out of memory\)"),
        (failing.ErrorEvent, r"Model is overloaded"),
        (failing.EmptyChoices, r"answers without choices"),
        (failing.Quota, r"You exceeded your current quota"),
        (failing.Refuses, r"this deployment is paused until Monday\)"),
        (failing.WrongKey, r"refuses the key \(Incorrect API key provided\): OPENAI_API_KEY is not set"),
        (failing.LacksModel, r"does not serve m: give engine\.model one of llama, qwen .*does not exist"),
        (failing.ProxyPage, r"an HTML page titled '502 Bad Gateway' instead of OpenAI's interface"),
        (answering.ends_with("content_filter"), r"content filter"),
    ],
)
def test_a_server_that_cannot_be_drawn_from_gets_one_sentence(
    tts: Tts,
    tmp_path: Path,
    questions: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: type[PlainServer],
    sentence: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = tried(tts, tmp_path, script())
    text = found.err + " ".join(found.ran.out.split())
    assert found.status in (1, 2) and re.search(sentence, text), text
    assert "Traceback" not in text and "\x1b" not in text and "{'" not in text


def test_a_server_that_dies_in_the_middle_is_named(tts: Tts, tmp_path: Path, questions: Path) -> None:
    found = tried(tts, tmp_path, failing.DiesInTheMiddle())
    assert found.status == 1 and "ended a sample in the middle" in found.ran.out + found.ran.err


def test_addresses_are_completed_or_explained(tts: Tts, tmp_path: Path, questions: Path) -> None:
    script = PlainServer()
    with serving(script) as server:
        bare = server.url.removesuffix("/v1")
        found = tried(tts, tmp_path, script, url=bare)
        assert found.status == 0 and f"{bare}/v1 is asked instead" in found.err
        found = tried(tts, tmp_path, script, url=f"{server.url}/chat/completions")
        assert found.status == 0
        found = tried(tts, tmp_path, script, url=server.url.replace("http:", "https:"))
    assert found.status == 2 and "if it speaks plain HTTP, write http://" in found.err


def test_samples_are_drawn_too(tts: Tts, tmp_path: Path, questions: Path) -> None:
    with serving(PlainServer()) as server:
        ran = tts(
            "sample", questions, "engine.kind=openai", "engine.model=m", f"engine.url={server.url}", "samples=2",
            f"out={tmp_path / 's.sqlite'}",
        )  # fmt: skip
    assert ran.status == 0, ran.err
    assert [s.answer for e in load_pool(tmp_path / "s.sqlite").entries for s in e.samples] == ["5", "5"]


def test_one_question_is_asked_too(tts: Tts) -> None:
    with serving(PlainServer()) as server:
        ran = tts(
            "ask", "What is 2 + 3?", "engine.kind=openai", "engine.model=m", f"engine.url={server.url}", "budget=2"
        )
    assert ran.status == 0 and re.search(r"\b5\b", ran.out), ran.err
