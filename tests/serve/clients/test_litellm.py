"""litellm as a client: sync, async and streamed; the ``tts`` object survives, and errors keep their sentence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("litellm")

import litellm

from tests.serve.clients.chat_model import by_turn
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway
from tests.support.servers.calling import function

QUESTION = "What is 3 - 3?"


@pytest.fixture
def asked(served: Gateway) -> dict[str, Any]:
    messages = [{"role": "user", "content": QUESTION}]
    return {"model": "openai/grace", "api_base": served.url, "api_key": "none", "messages": messages, "max_retries": 0}


def test_the_tts_object_survives(asked: dict[str, Any]) -> None:
    for reply in (litellm.completion(**asked), asyncio.run(litellm.acompletion(**asked))):
        assert reply.choices[0].message.content.rstrip().endswith("#### 0")
        assert (reply.tts["answer"], reply.tts["strategy"]) == ("0", "cges") and reply.tts["votes"][0]["n"] >= 1
        assert sum(reply.tts["usage"].values()) == reply.usage.total_tokens


def test_the_tts_object_is_in_the_last_chunk_of_a_stream(asked: dict[str, Any]) -> None:
    async def chunks() -> list[Any]:
        return [chunk async for chunk in await litellm.acompletion(**asked, stream=True)]

    for found in (list(litellm.completion(**asked, stream=True)), asyncio.run(chunks())):
        text = "".join(chunk.choices[0].delta.content or "" for chunk in found)
        assert text.rstrip().endswith("#### 0")
        assert [chunk.tts["answer"] for chunk in found if getattr(chunk, "tts", None)] == ["0"]


@pytest.mark.parametrize("way", ["extra_body", "field", "model", "headers"])
def test_a_request_names_its_strategy_in_each_way(asked: dict[str, Any], way: str) -> None:
    fields: dict[str, Any] = {
        "extra_body": {"extra_body": {"tts": {"strategy": "esc"}}},
        "field": {"tts": {"strategy": "esc"}},
        "model": {"model": "openai/grace/esc"},
        "headers": {"extra_headers": {"x-tts-strategy": "esc"}},
    }[way]
    assert litellm.completion(**{**asked, **fields}).tts["strategy"] == "esc"


@pytest.mark.parametrize(
    ("fields", "error", "sentence"),
    [
        ({"logprobs": True}, litellm.BadRequestError, "logprobs is not supported, and would change the answer"),
        ({"tts": {"strategy": "best"}}, litellm.BadRequestError, "strategy"),
        ({"model": "openai/other"}, litellm.NotFoundError, "other"),
    ],
)
def test_an_error_keeps_its_sentence(asked: dict[str, Any], fields: Any, error: Any, sentence: str) -> None:
    with pytest.raises(error) as refused:
        litellm.completion(**{**asked, **fields})
    assert sentence in str(refused.value)


@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_tools_come_whole_streamed_or_not(chat: Chat, stream: bool) -> None:
    chat.model.rule = by_turn([("double", {"number": 21}), ("double", {"number": 21})])
    found = litellm.completion(
        model="openai/chat",
        api_base=chat.url,
        api_key="none",
        messages=[{"role": "user", "content": "Double 21, twice."}],
        tools=[function("double", number="integer")],
        stream=stream,
    )
    reply = litellm.stream_chunk_builder(list(found)) if stream else found
    calls = [(call.function.name, call.function.arguments) for call in reply.choices[0].message.tool_calls]
    assert calls == [("double", '{"number": 21}')] * 2 and reply.choices[0].finish_reason == "tool_calls"
