"""The official client against a process: sync, async, streams, raw responses, its retries, and leaving."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("openai")

import openai

from tests.support.gateway import Gateway, gateway

USER: Any = [{"role": "user", "content": "What is number 3 ?"}]
ASKED: Any = {"model": "grace", "messages": USER}


@pytest.fixture
def client(served: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=served.url, api_key="none", max_retries=0) as made:
        yield made


def test_one_question_has_one_answer_in_each_way(served: Gateway, client: openai.OpenAI) -> None:
    async def asynchronous() -> tuple[Any, str]:
        async with openai.AsyncOpenAI(base_url=served.url, api_key="none") as made:
            whole = await made.chat.completions.create(**ASKED)
            stream = await made.chat.completions.create(**ASKED, stream=True)
            return whole, "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    raw = client.chat.completions.with_raw_response.create(**ASKED)
    whole, text = asyncio.run(asynchronous())
    replies = [client.chat.completions.create(**ASKED), raw.parse(), whole]
    assert {reply.choices[0].message.content for reply in replies} == {text}
    assert raw.headers["x-request-id"] and raw.http_response.status_code == 200
    assert float(raw.headers["x-tts-vote-share"]) == pytest.approx(whole.tts["vote_share"], rel=1e-4)


def test_the_accumulating_stream_of_the_client_has_the_tts_object_in_its_last_chunk(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**ASKED) as stream:
        chunks = [event.chunk for event in stream if event.type == "chunk"]
        final = stream.get_final_completion()
    assert final.choices[0].message.content and chunks[-1].tts["answer"] == "0"  # type: ignore[attr-defined]


def test_fields_that_clients_send_by_themselves_are_harmless(client: openai.OpenAI) -> None:
    empty = {
        "tools": [],
        "stop": [],
        "logit_bias": {},
        "metadata": {},
        "modalities": ["text"],
        "reasoning_effort": None,
    }
    common = {"store": False, "parallel_tool_calls": True, "tool_choice": "auto", "prompt_cache_key": "k", "n": 1}
    more = {"service_tier": "auto", "safety_identifier": "s", "verbosity": "low", "prompt_cache_retention": "24h"}
    usual = client.chat.completions.create(**ASKED).choices
    assert client.chat.completions.create(**ASKED, **empty, **common, extra_body=more).choices == usual


def test_parameters_of_concurrent_requests_do_not_mix(served: Gateway) -> None:
    """Each request names a strategy, a budget, a seed and a length, and has the answer that it has alone."""
    ways = [
        {"strategy": strategy, "budget": budget}
        for strategy in ("self_consistency", "esc", "adaptive_consistency")
        for budget in (2, 5)
    ]
    asked = [
        {**ASKED, "extra_body": {"tts": way}, "seed": seed, "max_tokens": most}
        for way in ways
        for seed, most in ((1, 256), (2, 12))
    ]

    async def replies(*, together: bool) -> list[Any]:
        async with openai.AsyncOpenAI(base_url=served.url, api_key="none", max_retries=0) as made:
            if together:
                return list(await asyncio.gather(*(made.chat.completions.create(**one) for one in asked)))
            return [await made.chat.completions.create(**one) for one in asked]

    def shown(reply: Any) -> tuple[Any, ...]:
        found = reply.tts
        return found["strategy"], found["budget"], found["votes"], found["samples"], reply.choices[0].message.content

    alone, together = (asyncio.run(replies(together=how)) for how in (False, True))
    assert [shown(reply) for reply in together] == [shown(reply) for reply in alone]
    assert [shown(reply)[:2] for reply in together] == [
        (one["extra_body"]["tts"]["strategy"], one["extra_body"]["tts"]["budget"]) for one in asked
    ]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A process that takes one question at a time, each of half a second, and lets one wait."""
    limits = ("serve.limits.questions=1", "serve.limits.queue=1")
    arguments = ("engine.kind=fake", "engine.token_delay_s=0.01", "strategy=self_consistency", "budget=2", *limits)
    with gateway(tmp_path_factory.mktemp("small"), *arguments) as server:
        yield server


def number(server: Gateway, name: str, **labels: str) -> float:
    """Return a number of ``/metrics``, summed over the labels that are left out."""
    with urlopen(f"{server.root}/metrics") as answer:
        rows = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", answer.read().decode(), re.M)
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(value) for found, value in rows if all(one in found for one in wanted))


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_full_queue_is_asked_again_by_the_client_itself(small: Gateway) -> None:
    async def run() -> list[int]:
        async with openai.AsyncOpenAI(base_url=small.url, api_key="none", max_retries=20) as made:
            asking = made.chat.completions.with_raw_response
            raws = await asyncio.gather(*(asking.create(model="fake", messages=USER, seed=n) for n in range(4)))
            return [raw.retries_taken for raw in raws]

    retries = asyncio.run(run())
    assert sum(retries) == number(small, "tts_requests_total", status="429") > 0


def test_an_error_that_would_come_again_is_not_asked_again(small: Gateway) -> None:
    limit = {"tts": {"time_limit_s": 0.02}}
    with (
        openai.OpenAI(base_url=small.url, api_key="none", max_retries=3) as made,
        pytest.raises(openai.InternalServerError) as refused,
    ):
        made.chat.completions.create(model="fake", messages=USER, extra_body=limit)
    assert (refused.value.status_code, refused.value.code) == (504, "time_limit")
    assert number(small, "tts_requests_total", status="504") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_its_work_also_while_it_waits(small: Gateway, stream: bool) -> None:
    """A cancelled task, streaming or not, one question in progress and one in the queue."""
    before = number(small, "tts_requests_total", status="499")
    long: Any = {"model": "fake/adaptive_consistency", "messages": USER, "extra_body": {"tts": {"budget": 16}}}

    async def leave() -> None:
        async with openai.AsyncOpenAI(base_url=small.url, api_key="none", max_retries=0) as made:

            async def ask(seed: int) -> None:
                found = await made.chat.completions.create(**long, seed=seed, stream=stream)
                async for _ in found:
                    pass

            tasks = [asyncio.create_task(ask(seed)) for seed in (11, 12)]
            await asyncio.to_thread(until, lambda: number(small, "tts_questions_queued") == 1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(leave())
    until(lambda: number(small, "tts_requests_total", status="499") == before + 2)
    until(lambda: number(small, "tts_questions_in_progress") == number(small, "tts_questions_queued") == 0)
    drawn = number(small, "tts_tokens_total", cause="delivered")
    time.sleep(0.1)
    assert number(small, "tts_tokens_total", cause="delivered") == drawn
