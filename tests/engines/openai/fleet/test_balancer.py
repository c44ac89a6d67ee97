"""Requests go to the least loaded server, wait their turn in order, and leave a failing server alone for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.engines.cases import calmly, turns
from tts.engines.openai.fleet import balancer as module
from tts.engines.openai.fleet.balancer import LoadBalancer, Server
from tts.errors import EngineError


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(module, "MAX_PAUSE_S", 0.05)
    yield


def made(*, count: int = 2, concurrency: int = 1, outage_timeout_s: float = 5.0) -> LoadBalancer:
    servers = [Server(f"http://{number}") for number in range(count)]
    return LoadBalancer(servers, concurrency=concurrency, outage_timeout_s=outage_timeout_s)


def test_the_least_loaded_server_is_next() -> None:
    async def scenario() -> None:
        balancer = made(concurrency=3)
        first, second = balancer.servers
        first.running = 2
        async with balancer.lend() as server:
            assert server is second and second.running == 1
        assert second.running == 0

    calmly(scenario())


def test_waiting_requests_go_in_order_and_never_above_the_limit() -> None:
    order, most = [], 0

    async def request(balancer: LoadBalancer, number: int) -> None:
        nonlocal most
        async with balancer.lend() as server:
            order.append(number)
            most = max(most, server.running)
            await turns(3)

    async def scenario() -> None:
        balancer = made(count=1, concurrency=2)
        await asyncio.gather(*(request(balancer, number) for number in range(9)))
        assert balancer.servers[0].running == 0

    calmly(scenario())
    assert order == list(range(9)) and most == 2


def test_a_cancelled_request_gives_its_turn_to_the_next() -> None:
    async def scenario() -> None:
        balancer = made(count=1)

        async def request() -> None:
            async with balancer.lend():
                pass

        async with balancer.lend():
            waiting = [asyncio.create_task(request()) for _ in range(2)]
            await turns(2)
        waiting[0].cancel()  # its turn has come, and it has not run yet
        await asyncio.wait(waiting)
        assert waiting[0].cancelled() and waiting[1].exception() is None
        assert balancer.servers[0].running == 0

    calmly(scenario())


def test_a_failing_server_is_paused_longer_each_time_and_comes_back() -> None:
    async def scenario() -> None:
        balancer = made(concurrency=9)
        bad, good = balancer.servers
        pauses = []
        for _ in range(4):
            balancer.mark_down(bad, "refused")
            now = asyncio.get_running_loop().time()
            pauses.append(bad.paused_until - now)
            balancer.mark_down(bad, "refused")  # another of its requests, at the same time
            async with balancer.lend() as server:
                assert server is good
            bad.paused_until = 0.0
        assert bad.failures == 4
        assert pauses == pytest.approx([0.02, 0.04, 0.05, 0.05], abs=5e-3)
        good.running = 1
        async with balancer.lend() as server:
            assert server is bad
        balancer.mark_up(bad)
        assert (bad.failures, bad.paused_until) == (0, 0.0)

    calmly(scenario())


def test_a_request_waits_for_a_paused_server() -> None:
    async def scenario() -> None:
        balancer = made(count=1)
        balancer.mark_down(balancer.servers[0], "refused")
        async with balancer.lend() as server:
            assert server.failures == 1

    calmly(scenario())


def test_an_outage_ends_with_the_last_error_of_each_server() -> None:
    async def scenario() -> None:
        balancer = made(outage_timeout_s=0.0)
        for server in balancer.servers:
            balancer.mark_down(server, f"error of {server.url}")
        async with balancer.lend():
            raise AssertionError

    sentence = r"no server has answered for 0 seconds \(http://0: error of http://0; http://1: error of http://1\)"
    with pytest.raises(EngineError, match=sentence):
        calmly(scenario())


def test_requests_of_one_prompt_stay_on_its_server_while_that_is_free_and_up() -> None:
    async def scenario() -> None:
        balancer = made(count=3, concurrency=2)
        first, second, _ = balancer.servers

        async def lent(prompt: int | None) -> Server:
            async with balancer.lend(prompt) as server:
                return server

        assert await lent(7) is first
        async with balancer.lend(None) as other:
            assert other is first
            assert await lent(7) is first, "its own server, though another is idle"
            assert await lent(8) is second
            async with balancer.lend(7):
                assert await lent(7) is second, "its own server is at its limit"
        balancer.mark_down(first, "gone")
        assert await lent(7) is not first
        balancer.mark_up(first)
        assert await lent(7) is not first, "it has moved"

    calmly(scenario())
