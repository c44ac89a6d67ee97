"""A streamed answer is charged as the server reports it or, as long as it reports nothing, as it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from tts.engines.base import Meter
from tts.engines.openai.answers.events import Choice
from tts.engines.openai.answers.logprobs import Token
from tts.engines.openai.answers.wire import EventReader
from tts.engines.openai.fleet.balancer import LoadBalancer, Server
from tts.engines.openai.output_stream import drawn_tokens, stream_choices
from tts.errors import EngineError

BODY = {"model": "m", "prompt": "What is it?"}


def event(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"choices": list(choices), **more}


def choice(text: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
    return {"text": text, "finish_reason": reason, **more}


class FakeConnections:
    """Asks one server, whose answer is these objects."""

    def __init__(self, events: list[dict[str, Any]], *, done: bool = True) -> None:
        self.balancer = LoadBalancer([Server("http://0")], concurrency=1, outage_timeout_s=0.0)
        self.events, self.closed, self.reader, self.told = events, False, EventReader(), list[str]()
        self.reader.done = done
        self.notify = self.told.append
        self.prompts: list[int | None] = []

    @asynccontextmanager
    async def ask(self, body: Any, *, chat: bool, prompt: int | None) -> AsyncIterator[Any]:
        self.prompts.append(prompt)
        async with self.balancer.lend() as server:
            try:
                yield server, self.all(), self.reader
            finally:
                self.closed = True

    async def all(self) -> AsyncIterator[list[dict[str, Any]]]:
        for one in self.events:
            yield [one]


def read(connections: Any, meter: Meter, take: int = 99) -> list[str]:
    async def work() -> list[str]:
        texts: list[str] = []
        async with aclosing(stream_choices(connections, BODY, meter, chat=False)) as choices:
            async for one in choices:
                texts.append(one.text)
                if len(texts) == take:
                    break
        return texts

    return asyncio.run(work())


def test_the_server_s_own_usage_replaces_the_count() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    meter = Meter(prompt=1, drawn=1)
    connections = FakeConnections([event(choice("a")), event(choice("b", "stop")), event(usage=usage)])
    assert read(connections, meter) == ["a", "b"]
    assert (meter.prompt, meter.prompt_cached, meter.drawn, meter.estimated) == (7, 4, 4, False)


def test_usage_that_is_missing_is_estimated_and_said() -> None:
    meter = Meter()
    connections = FakeConnections([event(choice("abcd" * 5, "stop")), event(usage={"completion_tokens": 0})])
    read(connections, meter)
    assert (meter.prompt, meter.drawn, meter.estimated) == (3, 5, True)
    assert "estimated from the length of the texts" in connections.told[0]


def test_a_closed_stream_is_charged_what_came_in() -> None:
    meter = Meter()
    connections = FakeConnections([event(choice("ab", token_ids=[1, 2])), event(choice("c", token_ids=[3]))] * 2)
    assert read(connections, meter, take=2) == ["ab", "c"]
    assert meter.drawn == 3 and connections.closed and connections.balancer.servers[0].running == 0


def test_a_stream_without_an_end_pauses_the_server() -> None:
    meter = Meter()
    connections = FakeConnections([event(choice("a"), choice(""))], done=False)
    with pytest.raises(EngineError, match="http://0 ended a sample in the middle"):
        read(connections, meter)
    assert meter.drawn == 1 and connections.balancer.servers[0].failures == 1


def test_tokens_have_ids_or_texts() -> None:
    assert list(drawn_tokens(Choice(token_ids=(1, 2)), by_id=True)) == [(1, {}), (2, {})]
    assert list(drawn_tokens(Choice(token_ids=(1, 2)), by_id=False)) == []
    texts = Choice(tokens=(Token("a", -1.0, (("a", -2.0), ("b", -3.0))),))
    assert list(drawn_tokens(texts, by_id=False)) == [("a", {"a": -1.0, (0,): -2.0, (1,): -3.0})]
    named = Choice(tokens=(Token("token_id:5", -1.0, (("token_id:9", -2.0),)),))
    assert list(drawn_tokens(named, by_id=True)) == [(5, {5: -1.0, 9: -2.0})]
