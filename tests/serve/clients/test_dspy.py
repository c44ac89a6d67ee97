"""DSPy as a client: best of N by a reward from the verifier, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

pytest.importorskip("dspy")

import dspy

import tts
from tests.serve.clients.conftest import Chat
from tests.support.gateway import Gateway
from tts.agent.adapters import dspy_reward

QUESTION = "What is 3 - 3?"


@pytest.fixture
def verifier() -> Iterator[tts.Verifier]:
    yield tts.Verifier.open(kind="fake", model="fake", draws=6)
    tts.close()


def lm(url: str, model: str) -> Any:
    return dspy.LM(f"openai/{model}", api_base=url, api_key="none", cache=False, num_retries=0)


def test_a_question_alone_and_several_at_once(served: Gateway) -> None:
    asked = lm(served.url, "grace")
    assert asked(QUESTION)[0].rstrip().endswith("#### 0")

    async def several() -> list[Any]:
        return await asyncio.gather(*(asked.acall(f"What is {n} - {n}?") for n in range(4)))

    assert all(texts[0].rstrip().endswith("#### 0") for texts in asyncio.run(several()))


def test_the_history_has_the_tts_object(served: Gateway) -> None:
    asked = dspy.LM("openai/grace", api_base=served.url, api_key="none", cache=False, extra_body={"tts": {"budget": 3}})
    asked(QUESTION)
    assert asked.history[-1]["response"].tts["budget"] == 3


def test_an_answer_that_is_held_back_is_none(served: Gateway) -> None:
    fields = {"max_tokens": 5, "extra_body": {"tts": {"on_abstain": "refuse"}}}
    asked = dspy.LM("openai/grace", api_base=served.url, api_key="none", cache=False, **fields)
    assert asked(QUESTION) == [None]


def test_best_of_n_takes_the_answer_with_the_highest_reward(chat: Chat, verifier: tts.Verifier) -> None:
    numbers = count()

    def rule(messages: Any) -> str:
        answer = ("5", "0", "7")[next(numbers) // 3 % 3]  # each turn has three samples
        return f"[[ ## answer ## ]]\n{answer}\n\n[[ ## completed ## ]]"

    chat.model.rule = rule
    with dspy.context(lm=lm(chat.url, "chat")):
        predict = dspy.Predict("question -> answer")
        best = dspy.BestOfN(predict, N=3, reward_fn=dspy_reward(verifier), threshold=0.99)
        assert best(question=QUESTION).answer == "0"
    assert len(chat.model.seen) >= 6


def test_best_of_n_by_the_server_is_asynchronous(chat: Chat) -> None:
    """Several questions at once in one event loop, each the best of its samples, without a module that blocks it."""
    chat.model.rule = lambda messages: f"[[ ## answer ## ]]\n{len(messages)}\n\n[[ ## completed ## ]]"

    async def several() -> tuple[list[Any], int]:
        ticks = 0
        predict = dspy.Predict("question -> answer")
        asked = asyncio.gather(*(predict.acall(question=f"What is {n} - {n}?") for n in range(4)))
        while not asked.done():
            ticks += 1
            await asyncio.sleep(0.001)
        return await asked, ticks

    with dspy.context(lm=lm(chat.url, "chat/self_consistency")):
        found, ticks = asyncio.run(several())
    assert [one.answer for one in found] == ["2"] * 4 and ticks > 1
    assert len(chat.model.seen) == 4 * 3


def test_the_reward_is_usable_inside_of_an_event_loop(verifier: tts.Verifier) -> None:
    async def inside() -> float:
        return dspy_reward(verifier)({"question": QUESTION}, dspy.Prediction(answer="0"))

    assert asyncio.run(inside()) > 0.5
