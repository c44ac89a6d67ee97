"""Calls of tools through a gateway: the official client in front, a scripted server that calls tools behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("openai")
pytest.importorskip("jsonschema")

import openai

from tests.support.gateway import LocalGateway, local_gateway
from tests.support.servers.calling import CallingServer, Calls, Unnumbered, function
from tests.support.servers.plain import serving

WEATHER = function("weather", city="string", days="integer?", request_id="string?")
OSLO: Calls = [("weather", {"city": "Oslo", "days": 3, "request_id": "a"})]
AGAIN: Calls = [("weather", {"days": 3.0, "city": "Oslo", "request_id": "b"})]
ROME: Calls = [("weather", {"city": "Rome", "days": 3})]
ASKED: Any = {"model": "m", "messages": [{"role": "user", "content": "Will it rain in Oslo?"}], "tools": [WEATHER]}
HERE = ("engine.kind=openai", "engine.model=m", "engine.openai.concurrency=1", "task.chat=true", "budget=4")


class Upstream(Unnumbered):
    """Calls without ids, and a text."""

    def __init__(self) -> None:
        super().__init__(OSLO, "It is 7.", ROME, AGAIN)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[LocalGateway, CallingServer]]:
    script = Upstream()
    with serving(script) as upstream:
        more = (f"engine.openai.urls=[{upstream.url}]", "strategy=self_consistency", "tools.ignore=[request_id]")
        with local_gateway(*HERE, *more) as server:
            yield server, script


@pytest.fixture
def client(served: tuple[LocalGateway, CallingServer]) -> Iterator[Any]:
    with openai.OpenAI(base_url=served[0].url, api_key="none", max_retries=0) as made:
        yield made


def test_the_reply_has_the_winning_calls_and_their_agreement(client: Any, served: Any) -> None:
    reply = client.chat.completions.create(**ASKED, tool_choice="auto", parallel_tool_calls=True)
    [choice] = reply.choices
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    [call] = choice.message.tool_calls
    assert call.type == "function" and call.id.startswith("call_") and call.function.name == "weather"
    assert json.loads(call.function.arguments)["city"] == "Oslo"
    assert reply.tts["calls"] == [{"name": "weather", "agreement": {"city": pytest.approx(2 / 3), "days": 1.0}}]
    assert reply.tts["vote_share"] == pytest.approx(2 / 4) and reply.tts["samples"] == 4
    sent = served[1].seen[-1]
    assert (sent["tools"], sent["tool_choice"], sent["parallel_tool_calls"]) == ([WEATHER], "auto", True)


def test_a_stream_has_each_call_with_its_index(client: Any) -> None:
    chunks = list(client.chat.completions.create(**ASKED, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    [call] = [call for delta in deltas for call in delta.tool_calls or ()]
    assert call.index == 0 and call.function.name == "weather" and json.loads(call.function.arguments)["city"] == "Oslo"
    assert not any(delta.content for delta in deltas)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "tool_calls"
    assert chunks[-1].usage.completion_tokens > 0


def test_the_conversation_goes_on_with_the_tool(client: Any, served: Any) -> None:
    first = client.chat.completions.create(**ASKED).choices[0].message
    told = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "rain"}
    reply = client.chat.completions.create(**{**ASKED, "messages": [*ASKED["messages"], first.to_dict(), told]})
    assert reply.choices[0].finish_reason == "tool_calls"
    sent = served[1].seen[-1]["messages"]
    assert [one["role"] for one in sent][-2:] == ["assistant", "tool"] and sent[-1]["content"] == "rain"
    assert sent[-2]["tool_calls"][0]["id"] == sent[-1]["tool_call_id"]


def test_the_conversation_goes_on_after_a_refusal_and_after_empty_texts(client: Any, served: Any) -> None:
    refused = {"role": "assistant", "content": None, "refusal": "No answer could be read."}
    texts = [{"role": "system", "content": ""}, *ASKED["messages"], refused, {"role": "user", "content": "And now?"}]
    client.chat.completions.create(**{**ASKED, "messages": [*texts, {"role": "assistant", "content": " "}, texts[-1]]})
    sent = served[1].seen[-1]["messages"]
    assert [message["content"] for message in sent[-5:]] == [
        "Will it rain in Oslo?", "No answer could be read.", "And now?", " ", "And now?",
    ]  # fmt: skip


@pytest.mark.parametrize("given", ["</code>", ["</code>", "Observation:"]])
def test_texts_that_end_a_sample_go_along(client: Any, served: Any, given: Any) -> None:
    client.chat.completions.create(**ASKED, stop=given)
    assert served[1].seen[-1]["stop"] == ([given] if isinstance(given, str) else given)
    client.chat.completions.create(**ASKED)
    assert "stop" not in served[1].seen[-1]


def test_draws_that_end_at_texts_of_a_request_are_not_kept(tmp_path: Path) -> None:
    """A pool's samples are those of whole texts: the same question without ``stop`` may not find the others."""
    script = Upstream()
    with serving(script) as upstream:
        here = (*HERE, f"engine.openai.urls=[{upstream.url}]", "strategy=self_consistency")
        with (
            local_gateway(*here, f"serve.pool={tmp_path / 'kept.sqlite'}") as server,
            openai.OpenAI(base_url=server.url, api_key="none", max_retries=0) as client,
        ):
            asked: Any = {"model": "m", "messages": ASKED["messages"]}
            counts = []
            for more in ({"stop": "x"}, {}, {}, {"stop": "x"}):
                before = len(script.seen)
                client.chat.completions.create(**asked, **more)
                counts.append(len(script.seen) - before)
    assert counts == [4, 4, 0, 4]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0]"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1]"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": 3}}}]},
            "tools[0].function.parameters",
        ),
    ],
)
def test_tools_that_cannot_be_used_are_refused_by_name(client: Any, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**{**ASKED, **fields})
    assert refused.value.param == param
