"""pydantic-ai as a client: an output validator that asks again until the answer is let through, and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

import pydantic_ai
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import tts
from tests.serve.clients.chat_model import by_turn
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway
from tts.agent.adapters import pydantic_ai_validator

QUESTION = "What is 3 - 3?"


def agent(url: str, model: str, **given: Any) -> Any:
    provider = OpenAIProvider(base_url=url, api_key="none")
    return pydantic_ai.Agent(OpenAIChatModel(model, provider=provider), **given)


@pytest.fixture
def guarded(chat: Chat) -> Iterator[Any]:
    made = agent(chat.url, "chat", retries=2)
    made.output_validator(pydantic_ai_validator(tts.Verifier.open(kind="fake", model="fake", draws=6)))
    yield made
    tts.close()


def test_the_validator_asks_again_until_the_answer_is_let_through(chat: Chat, guarded: Any) -> None:
    chat.model.rule = by_turn("5", "0")
    result = asyncio.run(guarded.run(QUESTION))
    assert result.output == "0" and result.usage.requests == 2
    again = [message for message in chat.model.asked[-1] if message["role"] != "system"]
    assert [message["role"] for message in again] == ["user", "assistant", "user"]
    assert "The answer was not let through (5: score" in again[-1]["content"]


def test_an_answer_that_is_never_let_through_is_an_error_of_the_framework(chat: Chat, guarded: Any) -> None:
    chat.model.rule = by_turn("5")
    with pytest.raises(pydantic_ai.UnexpectedModelBehavior, match="output retries"):
        asyncio.run(guarded.run(QUESTION))
    roles = [[message["role"] for message in messages] for messages in chat.model.asked]
    assert max(found.count("user") for found in roles) == 3 and len(roles) == 9  # three samples of each of three turns


def test_a_stream_has_the_text_and_the_usage(served: Gateway) -> None:
    async def run() -> tuple[list[str], Any]:
        async with agent(served.url, "grace").run_stream(QUESTION) as found:
            return [text async for text in found.stream_text(delta=True)], found

    texts, found = asyncio.run(run())
    assert "".join(texts).rstrip().endswith("#### 0")
    assert found.usage.output_tokens > 0 and found.response.finish_reason == "stop"


def test_a_streamed_answer_is_judged_once_and_whole(chat: Chat, guarded: Any) -> None:
    async def run() -> str:
        async with guarded.run_stream(QUESTION) as found:
            return str(await found.get_output())

    chat.model.rule = by_turn("0")
    assert asyncio.run(run()) == "0"
    chat.model.rule = by_turn("5")
    with pytest.raises(pydantic_ai.UnexpectedModelBehavior):
        asyncio.run(run())


def test_settings_go_along_and_a_refused_one_names_its_field(served: Gateway) -> None:
    harmless = {"temperature": 0.5, "openai_store": True, "extra_body": {"tts": {"budget": 2}}}
    assert asyncio.run(agent(served.url, "grace", model_settings=harmless).run(QUESTION)).output
    with pytest.raises(pydantic_ai.ModelHTTPError) as refused:
        asyncio.run(agent(served.url, "grace", model_settings={"presence_penalty": 0.5}).run(QUESTION))
    assert refused.value.status_code == 400 and "presence_penalty is not supported" in str(refused.value)


def test_an_answer_that_is_held_back_is_an_error_with_the_refusal(served: Gateway) -> None:
    settings = {"max_tokens": 5, "extra_body": {"tts": {"on_abstain": "refuse"}}}
    with pytest.raises(pydantic_ai.exceptions.ContentFilterError, match="No answer could be read from"):
        asyncio.run(agent(served.url, "grace", model_settings=settings).run(QUESTION))


def test_each_action_is_the_vote_of_its_samples_tools_and_structured_output_included(chat: Chat) -> None:
    """Best of N at each action: two of three samples agree, in the order in which they come."""
    number = count()

    def rule(messages: Any) -> Any:
        odd = next(number) % 3 == 0
        if messages[-1]["role"] == "user":
            return [("double", {"number": 20 if odd else 21})]
        return [("final_result", {"response": 41 if odd else 42})]

    chat.model.rule = rule
    made = agent(chat.url, "chat", output_type=int, instructions="Use the tool.")

    @made.tool_plain
    def double(number: int) -> int:
        return 2 * number

    assert asyncio.run(made.run("Double 21.")).output == 42
    assert chat.model.asked[-1][-1]["content"] == "42" and len(chat.model.asked) == 6
