"""langchain-openai as a client: invoke, ainvoke, stream and tools; numbers of the answer come as headers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_openai")

import langchain_openai
from openai import BadRequestError

from tests.serve.clients.chat_model import by_turn
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway
from tests.support.servers.calling import function

QUESTION = "What is 3 - 3?"


def model(url: str, name: str = "grace", **given: Any) -> Any:
    return langchain_openai.ChatOpenAI(model=name, base_url=url, api_key="none", max_retries=0, **given)


def test_both_ways_of_calling_have_the_answer_its_tokens_and_its_numbers(served: Gateway) -> None:
    chat = model(served.url, include_response_headers=True, extra_body={"tts": {"strategy": "esc", "budget": 5}})
    for reply in (chat.invoke(QUESTION), asyncio.run(chat.ainvoke(QUESTION))):
        assert reply.content.rstrip().endswith("#### 0") and reply.usage_metadata["output_tokens"] > 0
        headers = reply.response_metadata["headers"]
        assert 0 < float(headers["x-tts-vote-share"]) <= 1


def test_a_stream_has_the_text_once(served: Gateway) -> None:
    chunks = list(model(served.url, stream_usage=True).stream(QUESTION))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content.rstrip().endswith("#### 0") and whole.content.count("####") == 1
    assert whole.usage_metadata["output_tokens"] > 0 and whole.response_metadata["finish_reason"] == "stop"


def test_an_answer_that_is_held_back_is_a_refusal(served: Gateway) -> None:
    chat = model(served.url, max_tokens=5, extra_body={"tts": {"on_abstain": "refuse"}})
    reply = chat.invoke(QUESTION)
    assert reply.content == "" and reply.additional_kwargs["refusal"].startswith("No answer could be read")


def test_a_refused_field_is_named(served: Gateway) -> None:
    with pytest.raises(BadRequestError, match="logprobs is not supported, and would change the answer"):
        model(served.url, logprobs=True).invoke(QUESTION)


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_by_the_vote(chat: Chat, stream: bool) -> None:
    chat.model.rule = by_turn([("double", {"number": 21})])
    bound = model(chat.url, "chat").bind_tools([function("double", number="integer")])
    reply = bound.invoke("Double 21.")
    if stream:
        first, *rest = bound.stream("Double 21.")
        reply = sum(rest, first)
    [call] = reply.tool_calls
    assert (call["name"], call["args"]) == ("double", {"number": 21})
