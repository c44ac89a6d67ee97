"""Questions over HTTP: the same answers as the solver's, per-request fields, streams, and refused fields."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any

import pytest

from tests.support.gateway import Gateway, LocalGateway, ask
from tts.engines.fake.engine import FakeEngine
from tts.serve import stream as streams

QUESTION = "What is number 3 ?"
USER = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def client(fake: Gateway) -> Any:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=fake.url, api_key="none", max_retries=0) as found:
        yield found


def test_the_answer_is_that_of_the_solver_with_everything_that_was_counted(fake: LocalGateway, client: Any) -> None:
    solver = fake.models["fake"].usual
    for number in range(3):
        question = f"What is number {number} ?"
        reply = client.chat.completions.create(model="fake", messages=[{"role": "user", "content": question}])
        expected = solver.solve(question)
        found = reply.tts
        assert (found["answer"], found["vote_share"], found["stopped"]) == (
            expected.answer, expected.vote_share, expected.stopped_by,
        )  # fmt: skip
        assert reply.choices[0].message.content == expected.text
        assert reply.choices[0].finish_reason == "stop"
        assert found["samples"] == len(expected.samples) == sum(vote["n"] for vote in found["votes"])
        assert found["votes"][0]["answer"] == found["answer"]
        assert sum(vote["share"] for vote in found["votes"]) == pytest.approx(1.0)
        usage = found["usage"]
        assert usage["delivered"] == reply.usage.completion_tokens == expected.usage.delivered
        assert sum(usage.values()) == reply.usage.total_tokens
        assert (found["calibrated"], found["promise"], found["drift"], found["abstained"]) == (
            False, "none", None, False,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "strategy", "most"),
    [
        ({"model": "fake/esc"}, "esc", 16),
        ({"extra_body": {"tts": {"strategy": "self_consistency", "budget": 3}}}, "self_consistency", 3),
        ({"extra_headers": {"x-tts-strategy": "esc", "x-tts-budget": "4"}}, "esc", 4),
        ({"model": "fake/esc", "extra_headers": {"x-tts-strategy": "esc"}}, "esc", 16),
    ],
)
def test_a_request_names_its_strategy_and_budget(client: Any, fields: Any, strategy: str, most: int) -> None:
    found = client.chat.completions.create(**{"model": "fake", "messages": USER, **fields}).tts
    assert (found["strategy"], found["budget"]) == (strategy, most)
    assert found["samples"] <= most


def test_seed_and_max_tokens_are_those_of_the_request(client: Any) -> None:
    def votes(**fields: Any) -> Any:
        reply = client.chat.completions.create(model="fake/self_consistency", messages=USER, user="me", **fields)
        return reply.tts["votes"], reply

    assert votes(seed=7)[0] == votes(seed=7)[0] != votes(seed=8)[0]
    short = votes(max_tokens=5, max_completion_tokens=9)[1]
    assert short.choices[0].finish_reason == "length"
    assert (short.tts["answer"], short.tts["abstained"]) == (None, True)


def test_text_parts_are_one_text(client: Any) -> None:
    parts = [{"type": "text", "text": QUESTION}]
    one = client.chat.completions.create(model="fake", messages=[{"role": "user", "content": parts}])
    other = client.chat.completions.create(model="fake", messages=USER)
    assert one.tts == other.tts or one.tts["votes"] == other.tts["votes"]


def test_an_abstention_is_refused_on_request(client: Any) -> None:
    asked = {"model": "fake", "messages": USER, "max_tokens": 5, "extra_body": {"tts": {"on_abstain": "refuse"}}}
    message = client.chat.completions.create(**asked).choices[0].message
    assert message.content is None and message.refusal == "No answer could be read from 16 samples."
    parts = [chunk.choices[0].delta for chunk in client.chat.completions.create(**asked, stream=True)]
    assert "".join(part.content or "" for part in parts) == ""
    assert [part.refusal for part in parts if part.refusal] == [message.refusal]


def test_a_stream_has_its_role_first_then_the_whole_text_the_facts_and_the_usage(client: Any) -> None:
    whole = client.chat.completions.create(model="fake", messages=USER)
    chunks = list(
        client.chat.completions.create(model="fake", messages=USER, stream=True, stream_options={"include_usage": True})
    )
    first, text, end, usage = chunks
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert text.choices[0].delta.content == whole.choices[0].message.content
    assert end.choices[0].finish_reason == "stop" and end.tts["votes"] == whole.tts["votes"]
    assert (usage.choices, usage.usage.completion_tokens) == ([], whole.usage.completion_tokens)
    assert len({chunk.id for chunk in chunks}) == 1


def test_comment_lines_keep_a_silent_stream_open(fake: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts.serve.routes import chat

    monkeypatch.setattr(chat, "KEEP_ALIVE_S", 0.02)
    monkeypatch.setattr(FakeEngine, "sample", slowly(FakeEngine.sample))
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=20)
    body = json.dumps({"model": "fake", "messages": USER, "stream": True})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    lines = connection.getresponse().read().split(b"\n\n")
    connection.close()
    assert b'"role": "assistant"' in lines[0] and lines[1] + b"\n\n" == streams.WAITING
    assert lines[-2:] == [b"data: [DONE]", b""]


def slowly(sample: Any) -> Any:
    async def slow(self: Any, request: Any) -> Any:
        await asyncio.sleep(0.05)
        async for chunk in sample(self, request):
            yield chunk

    return slow


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"stop": ["\n"]}, "stop"),
        ({"presence_penalty": 0.5}, "presence_penalty"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
         "messages[0].content[0]"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "half \ud800"}]}, "messages[0].content"),
        ({"messages": "What is 1 + 1 ?"}, "messages"),
        ({"messages": [{"role": "user", "content": {"text": "x"}}]}, "messages[0].content"),
        ({"tool_choice": 3}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"messages": [*USER, {"role": "tool", "tool_call_id": "a", "content": "half \ud800"}]}, "messages[1].content"),
        ({"messages": [*USER, {"role": "assistant", "tool_calls": [{"id": "half \ud800"}]}]}, "messages"),
        ({"stop": [3]}, "stop[0]"),
        ({"messages": []}, "messages"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"max_tokens": 100_000}, "max_tokens"),
        ({"tts": {"budget": 0}}, "tts.budget"),
        ({"tts": {"budget": 1000}}, "tts.budget"),
        ({"tts": {"strategy": "best"}}, "tts.strategy"),
        ({"tts": {"strategy": "os:system"}}, "tts.strategy"),
        ({"tts": {"scorer": "tests.support:x"}}, "tts.scorer"),
        ({"tts": {"alpha": 0.1}}, "tts.alpha"),
        ({"tts": {"time_limit_s": 0}}, "tts.time_limit_s"),
        ({"tts": {"on_abstain": "cry"}}, "tts.on_abstain"),
        ({"tts": {"url": "http://evil"}}, "tts.url"),
        ({"model": "fake/best"}, "model"),
        ({"model": "fake/esc", "tts": {"strategy": "cisc"}}, "tts.strategy"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_honoured_is_refused_by_name(fake: Gateway, fields: Any, param: str) -> None:
    status, _, body = ask(fake, "POST", "/v1/chat/completions", {"model": "fake", "messages": USER, **fields})
    assert (status, body["error"]["param"]) == (400, param), body
    assert param == "model" or param.partition("[")[0].rpartition(".")[2] in body["error"]["message"]


def test_harmless_fields_are_ignored(fake: Gateway) -> None:
    harmless = {"n": 1, "logprobs": False, "stop": None, "metadata": {"a": "b"}, "store": True, "service_tier": "auto"}
    status, _, body = ask(fake, "POST", "/v1/chat/completions", {"model": "fake", "messages": USER, **harmless})
    assert (status, body["tts"]["answer"] is not None) == (200, True)
