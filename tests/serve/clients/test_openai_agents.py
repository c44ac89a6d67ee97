"""openai-agents as a client: runs, streamed runs, tools that are voted on, and guardrails that trip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("agents")

import agents
from openai import AsyncOpenAI, BadRequestError, NotFoundError

import tts
from tests.serve.clients.chat_model import by_turn
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway
from tts.agent.adapters import openai_agents_guardrail

QUESTION = "What is 3 - 3?"


@pytest.fixture(autouse=True)
def no_traces() -> None:
    agents.set_tracing_disabled(True)


@pytest.fixture
def verifier() -> Iterator[tts.Verifier]:
    yield tts.Verifier.open(kind="fake", model="fake", draws=6)
    tts.close()


def run(url: str, model: str, question: str = QUESTION, *, sent: list[str] | None = None, **given: Any) -> Any:
    """Return the result of a run; a list takes the texts of a streamed one as they come."""

    async def go() -> Any:
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            made = agents.OpenAIChatCompletionsModel(model=model, openai_client=client)
            agent = agents.Agent(name="a", model=made, **given)
            if sent is None:
                return await agents.Runner.run(agent, question)
            result = agents.Runner.run_streamed(agent, question)
            async for event in result.stream_events():
                if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
                    sent.append(event.data.delta)
            return result

    return asyncio.run(go())


def test_a_run_has_the_answer_and_its_tokens(served: Gateway) -> None:
    result = run(served.url, "grace")
    assert result.final_output.rstrip().endswith("#### 0")
    [reply] = result.raw_responses
    assert reply.usage.output_tokens > 0 and reply.usage.total_tokens > reply.usage.output_tokens


def test_fields_of_settings_go_along_or_are_refused_by_name(served: Gateway) -> None:
    def settings(**given: Any) -> Any:
        return agents.ModelSettings(**given)

    harmless = {"store": True, "metadata": {"a": "b"}, "parallel_tool_calls": True, "tool_choice": "auto"}
    more = {"include_usage": True, "extra_body": {"tts": {"budget": 2}, "prompt_cache_key": "k"}}
    assert run(served.url, "grace", model_settings=settings(**harmless, **more)).final_output
    with pytest.raises(BadRequestError, match="presence_penalty is not supported, and would change the answer"):
        run(served.url, "grace", model_settings=settings(presence_penalty=0.5))


def test_the_interface_of_responses_is_a_path_that_does_not_exist(served: Gateway) -> None:
    async def go() -> None:
        async with AsyncOpenAI(base_url=served.url, api_key="none", max_retries=0) as client:
            model = agents.OpenAIResponsesModel(model="grace", openai_client=client)
            await agents.Runner.run(agents.Agent(name="a", model=model), QUESTION)

    with pytest.raises(NotFoundError, match="there is no such path here"):
        asyncio.run(go())


def test_a_streamed_run_has_the_text_of_the_decision_alone(served: Gateway) -> None:
    sent: list[str] = []
    result = run(served.url, "grace", sent=sent)
    assert "".join(sent) == result.final_output and result.final_output.rstrip().endswith("#### 0")


def test_the_guardrail_trips_on_a_wrong_answer(chat: Chat, verifier: tts.Verifier) -> None:
    guards = [openai_agents_guardrail(verifier)]
    chat.model.rule = by_turn("0")
    assert run(chat.url, "chat", output_guardrails=guards).final_output == "0"
    chat.model.rule = by_turn("5")
    with pytest.raises(agents.OutputGuardrailTripwireTriggered) as tripped:
        run(chat.url, "chat", output_guardrails=guards)
    assert tripped.value.guardrail_result.output.output_info.score < 0.5


def test_a_guardrail_after_streaming_comes_too_late_and_a_refusal_of_the_server_does_not(
    chat: Chat, served: Gateway, verifier: tts.Verifier
) -> None:
    """The text of a streamed run is out before the framework asks its guardrail; the server decides before it sends."""
    chat.model.rule = by_turn("5")
    sent: list[str] = []
    with pytest.raises(agents.OutputGuardrailTripwireTriggered):
        run(chat.url, "chat", sent=sent, output_guardrails=[openai_agents_guardrail(verifier)])
    assert sent == ["5"]
    sent.clear()
    refusing = agents.ModelSettings(max_tokens=5, extra_body={"tts": {"on_abstain": "refuse"}})
    with pytest.raises(agents.ModelRefusalError, match="No answer could be read"):
        run(served.url, "grace", sent=sent, model_settings=refusing)
    assert sent == []


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_by_the_vote_and_the_conversation_goes_on(chat: Chat, stream: bool) -> None:
    @agents.function_tool
    def double(number: int) -> int:
        """Return twice a number."""
        return 2 * number

    chat.model.rule = by_turn([("double", {"number": 21})], "It is 42.\n#### 42")
    sent: list[str] | None = [] if stream else None
    found = run(chat.url, "chat", "Double 21.", sent=sent, instructions="Use the tool.", tools=[double])
    assert found.final_output == "It is 42.\n#### 42"
    assert len(chat.model.asked) == 6  # three samples of each of two turns
    assert [message["role"] for message in chat.model.asked[-1]] == ["system", "user", "assistant", "tool"]
    assert chat.model.asked[-1][-1]["content"] == "42"
