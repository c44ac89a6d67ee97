"""Each kind of failure has its meaning: final, worth another attempt, or a server to leave alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

openai = pytest.importorskip("openai")

from tests.engines.openai.cases import Body, RefusalError, Scripted, serving  # noqa: E402
from tts.engines.openai.client import Connections  # noqa: E402
from tts.engines.openai.config import OpenAIConfig  # noqa: E402
from tts.errors import EngineError, InputError  # noqa: E402


@pytest.fixture
def server() -> Iterator[Scripted]:
    with serving() as made:
        yield made


def connect(*urls: str, **more: Any) -> Connections:
    return Connections(OpenAIConfig(urls=list(urls), **{"retries": 0, "timeout_s": 5.0, **more}), model="m")


async def one_token(connections: Connections) -> Any:
    async with connections.lend() as server:
        return await server.client.completions.create(model="m", prompt="Hello", max_tokens=1)


def refusing(status: int) -> Any:
    def meet(body: Body) -> None:
        raise RefusalError(status, f"status {status}.")

    return meet


def test_a_request_is_answered_in_any_event_loop(server: Scripted) -> None:
    connections = connect(server.url)
    for _ in range(2):
        assert asyncio.run(one_token(connections)).choices[0].text == "We "
    assert connections.balancer.servers[0].running == 0


@pytest.mark.parametrize(("status", "again"), [(400, False), (422, False), (500, True), (429, True)])
def test_a_refused_request_is_repeated_unless_it_is_at_fault(server: Scripted, status: int, again: bool) -> None:
    server.meet = refusing(status)
    with pytest.raises(EngineError, match=f"status {status}") as met:
        asyncio.run(one_token(connect(server.url)))
    assert met.value.again is again


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_ends_the_run(server: Scripted, status: int) -> None:
    server.meet = refusing(status)
    refused = r"refuses the key" if status < 404 else "has no model m or no such route"
    sentence = rf"{refused} \(status {status}\)"
    with pytest.raises(InputError, match=sentence):
        asyncio.run(one_token(connect(server.url)))


def test_a_server_that_is_gone_is_paused() -> None:
    with serving() as gone:
        connections = connect(gone.url)
    with pytest.raises(EngineError, match="does not answer"):
        asyncio.run(one_token(connections))
    (server,) = connections.balancer.servers
    assert server.failures == 1 and server.last_error and server.paused_until > 0
