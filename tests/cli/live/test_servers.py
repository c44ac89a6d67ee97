"""``tts run`` and ``tts sample`` against scripted servers, over real HTTP: each quirk gives samples or one sentence."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

pytest.importorskip("openai")

from tests.cli.cases import Tts
from tests.cli.live.server_cases import right, tried
from tests.support.servers import answering, failing, refusing
from tests.support.servers.plain import PlainServer, serving
from tts.pool import load_pool

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


def test_the_command_of_the_readme_runs(tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = Path("README.md").read_text()
    found = re.search(r"echo '(.*)' > (\S+)\ntts (run .*engine\.kind=openai .*)\n", readme)
    assert found is not None
    monkeypatch.chdir(tmp_path)
    Path(found[2]).write_text(found[1] + "\n")
    script = PlainServer()
    with serving(script) as server:
        ran = tts(*shlex.split(found[3].replace("NAME", "m").replace("http://localhost:8000/v1", server.url)))
    assert ran.status == 0, ran.err
    assert "run 1 holds 8 samples, 8 of them drawn now" in " ".join(ran.out.split())


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
