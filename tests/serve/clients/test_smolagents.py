"""smolagents as a client: agents that call tools or write code, and a check of the final answer alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("smolagents")

import smolagents

import tts
from tests.serve.clients.chat_model import by_turn
from tests.serve.clients.conftest import Chat
from tts.agent.adapters import smolagents_check

QUESTION = "What is 3 - 3?"


@smolagents.tool
def double(number: int) -> int:
    """Return twice a number.

    Args:
        number: the number.
    """
    return 2 * number


@pytest.fixture
def verifier() -> Iterator[tts.Verifier]:
    yield tts.Verifier.open(kind="fake", model="fake", draws=6)
    tts.close()


def agent(kind: str, chat: Chat, **given: Any) -> Any:
    model = smolagents.OpenAIServerModel("chat", api_base=chat.url, api_key="none", client_kwargs={"max_retries": 0})
    return getattr(smolagents, kind)(model=model, max_steps=4, verbosity_level=0, **given)


def test_an_agent_calls_tools_that_were_voted_on(chat: Chat) -> None:
    chat.model.rule = by_turn([("double", {"number": 21})], [("final_answer", {"answer": "42"})])
    assert agent("ToolCallingAgent", chat, tools=[double]).run("Double 21.") == "42"
    assert len(chat.model.seen) == 6  # three samples of each of two steps
    for body in chat.model.seen:
        assert body["stop"] == ["Observation:", "Calling tools:"] and body["tool_choice"] == "required"
    assert any("42" in str(message["content"]) for message in chat.model.asked[-1][2:])


def test_a_message_has_the_tts_object(chat: Chat) -> None:
    model = smolagents.OpenAIServerModel("chat", api_base=chat.url, api_key="none", extra_body={"tts": {"budget": 2}})
    asked = model.generate([{"role": "user", "content": [{"type": "text", "text": QUESTION}]}])
    assert (asked.content, asked.raw.tts["answer"], asked.raw.tts["budget"]) == ("#### 5", "5", 2)


def test_an_answer_that_is_held_back_is_a_message_without_text(chat: Chat) -> None:
    chat.model.rule = by_turn("no number")
    fields = {"extra_body": {"tts": {"on_abstain": "refuse"}}}
    model = smolagents.OpenAIServerModel("chat", api_base=chat.url, api_key="none", **fields)
    asked = model.generate([{"role": "user", "content": [{"type": "text", "text": QUESTION}]}])
    assert asked.content is None and "No answer could be read" in asked.raw.choices[0].message.refusal


def test_a_streamed_agent_loses_no_call(chat: Chat) -> None:
    chat.model.rule = by_turn([("double", {"number": 21})], [("final_answer", {"answer": "42"})])
    streaming = agent("ToolCallingAgent", chat, tools=[double], stream_outputs=True)
    assert streaming.run("Double 21.") == "42"


def test_an_answer_after_the_last_step_is_not_checked(chat: Chat, verifier: tts.Verifier) -> None:
    """The framework writes it without the check, so that the page warns of it."""
    chat.model.rule = by_turn("<code>\nprint(1)\n</code>", "5")
    guarded = agent("CodeAgent", chat, tools=[], final_answer_checks=[smolagents_check(verifier)])
    guarded.max_steps = 1
    assert "5" in str(guarded.run(QUESTION))


def test_the_final_check_runs_on_the_final_answer_alone_and_with_its_step(chat: Chat, verifier: tts.Verifier) -> None:
    replies = ("print(1)", "final_answer(5)", "final_answer(0)")
    chat.model.rule = by_turn(*(f"<code>\n{reply}\n</code>" for reply in replies))
    check, judged = smolagents_check(verifier), []

    def check_answer(answer: Any, memory: Any, agent: Any = None) -> bool:
        judged.append(answer)
        return check(answer, memory, agent=agent)

    assert agent("CodeAgent", chat, tools=[], final_answer_checks=[check_answer]).run(QUESTION) == 0
    assert judged == [5, 0]
    assert chat.model.seen[0]["stop"] == ["Observation:", "Calling tools:", "</code>"]
