"""A question whose every draw fails, by each client: its error has the engine's sentence, streamed or not, and once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.serve.clients.conftest import Chat

SENTENCE = "this model is asleep"
QUESTION = "What is 3 - 3?"


def official(url: str, stream: bool) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=url, api_key="none") as client:
        messages: Any = [{"role": "user", "content": QUESTION}]
        found = client.chat.completions.create(model="chat", messages=messages, stream=stream)
        list(found)


def by_litellm(url: str, stream: bool) -> None:
    litellm = pytest.importorskip("litellm")
    messages = [{"role": "user", "content": QUESTION}]
    list(litellm.completion(model="openai/chat", api_base=url, api_key="none", messages=messages, stream=stream))


def langchain(url: str, stream: bool) -> None:
    made = pytest.importorskip("langchain_openai").ChatOpenAI(model="chat", base_url=url, api_key="none")
    list(made.stream(QUESTION)) if stream else made.invoke(QUESTION)


def openai_agents(url: str, stream: bool) -> None:
    agents = pytest.importorskip("agents")
    from openai import AsyncOpenAI

    agents.set_tracing_disabled(True)

    async def go() -> None:
        async with AsyncOpenAI(base_url=url, api_key="none") as client:
            model = agents.OpenAIChatCompletionsModel(model="chat", openai_client=client)
            agent = agents.Agent(name="a", model=model)
            if not stream:
                await agents.Runner.run(agent, QUESTION)
            else:
                async for _ in agents.Runner.run_streamed(agent, QUESTION).stream_events():
                    pass

    asyncio.run(go())


def by_pydantic_ai(url: str, stream: bool) -> None:
    pydantic_ai = pytest.importorskip("pydantic_ai")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    agent = pydantic_ai.Agent(OpenAIChatModel("chat", provider=OpenAIProvider(base_url=url, api_key="none")))

    async def go() -> None:
        if not stream:
            await agent.run(QUESTION)
        else:
            async with agent.run_stream(QUESTION) as found:
                await found.get_output()

    asyncio.run(go())


def by_smolagents(url: str, stream: bool) -> None:
    smolagents = pytest.importorskip("smolagents")
    model = smolagents.OpenAIServerModel("chat", api_base=url, api_key="none")
    messages = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    list(model.generate_stream(messages)) if stream else model.generate(messages)


CLIENTS = [official, by_litellm, langchain, openai_agents, by_pydantic_ai, by_smolagents]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("ask", CLIENTS)
def test_the_error_has_the_sentence_and_is_not_asked_again(
    chat: Chat, ask: Callable[[str, bool], None], stream: bool
) -> None:
    chat.model.refusal = SENTENCE
    with pytest.raises(Exception, match=SENTENCE):
        ask(chat.url, stream)
    assert len(chat.model.seen) == 3  # the draws of one question
