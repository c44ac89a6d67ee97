"""The adapters on the frameworks themselves, with a verifier on the fake engine, for which 0 is right everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import tts
from tts.agent import adapters
from tts.agent.verdict import Verdict
from tts.types import Usage

QUESTION = "What is 3 - 3?"


@pytest.fixture
def verifier() -> Iterator[tts.Verifier]:
    yield tts.Verifier.open(kind="fake", model="fake", draws=6)
    tts.close()


def verdict(**given: Any) -> Verdict:
    usual = {"p_correct": None, "accept": None, "reason": "", "promise": "none", "calibrated": False, "score": None}
    return Verdict(**{**usual, "usage": Usage(), "how": "read", "answer": "1", **given})


@pytest.mark.parametrize(
    ("given", "through"),
    [
        ({}, False),
        ({"score": 0.7}, True),
        ({"score": 0.7, "p_correct": 0.4}, False),
        ({"score": 0.2, "accept": True, "promise": "kept"}, True),
        ({"score": 0.9, "accept": True, "promise": "void"}, False),
        ({"score": 0.9, "accept": False, "promise": "kept"}, False),
    ],
)
def test_the_promise_decides_then_the_probability_then_the_score(given: dict[str, Any], through: bool) -> None:
    assert adapters.lets_through(verdict(**given)) is through


def test_openai_agents_trips_on_a_wrong_answer(verifier: tts.Verifier) -> None:
    pytest.importorskip("agents")
    guardrail = adapters.openai_agents_guardrail(verifier)
    context = SimpleNamespace(turn_input=[{"role": "user", "content": QUESTION}])
    found = [asyncio.run(guardrail.run(context, None, answer)) for answer in ("0", "5")]
    assert [one.output.tripwire_triggered for one in found] == [False, True]
    assert found[1].output.output_info.how == "draw(6)"


def test_pydantic_ai_asks_again_until_the_answer_is_let_through(verifier: tts.Verifier) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.function import FunctionModel

    answers, seen = iter(("5", "0")), []

    def reply(messages: Any, info: Any) -> ModelResponse:
        seen.append(str(messages[-1]))
        return ModelResponse(parts=[TextPart(next(answers))])

    agent = Agent(FunctionModel(reply), retries=2)
    agent.output_validator(adapters.pydantic_ai_validator(verifier))
    assert agent.run_sync(QUESTION).output == "0"
    assert len(seen) == 2 and "The answer was not let through (5: score" in seen[1]


def test_smolagents_checks_the_final_answer_alone(verifier: tts.Verifier) -> None:
    pytest.importorskip("smolagents")
    from smolagents import CodeAgent
    from smolagents.models import ChatMessage, MessageRole, Model

    class Scripted(Model):
        replies = iter(("print(1)", "final_answer(5)", "final_answer(0)"))

        def generate(self, messages: Any, **how: Any) -> ChatMessage:
            return ChatMessage(role=MessageRole.ASSISTANT, content=f"<code>\n{next(self.replies)}\n</code>")

    judged: list[str] = []
    check = adapters.smolagents_check(verifier)

    def check_answer(answer: Any, memory: Any, agent: Any = None) -> bool:
        judged.append(str(answer))
        return check(answer, memory, agent=agent)

    agent = CodeAgent(tools=[], model=Scripted(), final_answer_checks=[check_answer], max_steps=4, verbosity_level=0)
    assert agent.run(QUESTION) == 0
    assert judged == ["5", "0"]


def test_langchain_has_a_runnable_for_both_ways_of_calling(verifier: tts.Verifier) -> None:
    pytest.importorskip("langchain_core")
    runnable = adapters.langchain_runnable(verifier)
    given = {"question": QUESTION, "answer": "0"}
    assert runnable.invoke(given).score == asyncio.run(runnable.ainvoke(given)).score > 0.5


def test_dspy_takes_the_answer_with_the_highest_reward(verifier: tts.Verifier) -> None:
    dspy = pytest.importorskip("dspy")
    dspy.configure(lm=dspy.utils.DummyLM([{"answer": answer} for answer in ("5", "0", "7")]))
    reward = adapters.dspy_reward(verifier)
    best = dspy.BestOfN(dspy.Predict("question -> answer"), N=3, reward_fn=reward, threshold=0.99)
    assert best(question=QUESTION).answer == "0"
