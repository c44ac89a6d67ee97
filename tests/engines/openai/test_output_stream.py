"""A streamed answer is charged as the server reports it or, as long as it reports nothing, as it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace as Object
from typing import Any

import pytest

from tts.engines.base import Meter
from tts.engines.openai.balancer import LoadBalancer, Server
from tts.engines.openai.output_stream import drawn_tokens, stream_choices
from tts.errors import EngineError

BODY = {"model": "m"}


def choice(text: str, reason: str | None = None, **more: Any) -> Object:
    return Object(text=text, finish_reason=reason, **more)


def event(*choices: Object, usage: Object | None = None) -> Object:
    return Object(choices=list(choices), usage=usage)


class FakeConnections:
    """Lends one server, whose answer is these events."""

    def __init__(self, events: list[Object]) -> None:
        server = Server("http://0", client=Object(completions=Object(create=self.create)))
        self.balancer = LoadBalancer([server], concurrency=1, outage_timeout_s=0.0)
        self.events, self.closed = events, False

    def lend(self) -> Any:
        return self.balancer.lend()

    async def create(self, **body: Any) -> Any:
        @asynccontextmanager
        async def stream() -> AsyncIterator[AsyncIterator[Object]]:
            try:
                yield self.all()
            finally:
                self.closed = True

        return stream()

    async def all(self) -> AsyncIterator[Object]:
        for one in self.events:
            yield one


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
    usage = Object(prompt_tokens=10, completion_tokens=3, prompt_tokens_details=Object(cached_tokens=4))
    meter = Meter(prompt=1, drawn=1)
    connections = FakeConnections([event(choice("a")), event(choice("b", "stop")), event(usage=usage)])
    assert read(connections, meter) == ["a", "b"]
    assert (meter.prompt, meter.prompt_cached, meter.drawn) == (7, 4, 4)


def test_a_closed_stream_is_charged_what_came_in() -> None:
    meter = Meter()
    connections = FakeConnections([event(choice("ab", token_ids=[1, 2])), event(choice("c", token_ids=[3]))] * 2)
    assert read(connections, meter, take=2) == ["ab", "c"]
    assert meter.drawn == 3 and connections.closed and connections.balancer.servers[0].running == 0


def test_a_stream_without_an_end_pauses_the_server() -> None:
    meter = Meter()
    connections = FakeConnections([event(choice("a"), choice(""))])
    with pytest.raises(EngineError, match="http://0 ended a sample in the middle"):
        read(connections, meter)
    assert meter.drawn == 1 and connections.balancer.servers[0].failures == 1


def test_tokens_have_ids_or_texts() -> None:
    ids = choice("ab", logprobs=None, token_ids=[1, 2])
    assert list(drawn_tokens(ids, by_id=True)) == [(1, {}), (2, {})]
    assert list(drawn_tokens(ids, by_id=False)) == []
    texts = choice("a", logprobs=Object(tokens=["a"], token_logprobs=[-1.0], top_logprobs=[{"b": -2.0}]))
    assert list(drawn_tokens(texts, by_id=False)) == [("a", {"a": -1.0, "b": -2.0})]
    named = Object(tokens=["token_id:5"], token_logprobs=[-1.0], top_logprobs=[{"token_id:9": -2.0}])
    assert list(drawn_tokens(choice("a", logprobs=named), by_id=True)) == [(5, {5: -1.0, 9: -2.0})]
