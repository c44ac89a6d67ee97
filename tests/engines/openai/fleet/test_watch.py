"""Servers that join, fail, come back and leave while an engine draws, over real HTTP in one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

openai = pytest.importorskip("openai")

from tests.support.local_server import free_port  # noqa: E402
from tests.support.servers.plain import Body, RefusalError, serving  # noqa: E402
from tests.support.servers.process import NamedServer  # noqa: E402
from tts.engines.base import Request  # noqa: E402
from tts.engines.openai.config import OpenAIConfig  # noqa: E402
from tts.engines.openai.engine import OpenAIEngine  # noqa: E402
from tts.engines.sampling import Sampling  # noqa: E402
from tts.errors import InputError  # noqa: E402
from tts.prompts import Prompt  # noqa: E402
from tts.types import Problem, Sample  # noqa: E402

WAIT_S = 20.0
CHAT = Prompt(chat=True)


class Fleet:
    """Servers at fixed ports, and an engine in front of them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.told: list[str] = []

    def start(self, script: NamedServer, port: int = 0, host: str = "127.0.0.1") -> str:
        """Start a server and return its address."""
        return self._stack.enter_context(serving(script, host=host, port=port)).url

    def engine(self, *, form: Prompt = CHAT, **config: Any) -> OpenAIEngine:
        return OpenAIEngine.load(
            OpenAIConfig(retries=0, refresh_s=0.02, outage_timeout_s=5.0, timeout_s=5.0, **config),
            model="m",
            prompt=form,
            sampling=Sampling(max_tokens=50),
            seeded=False,
            notify=self.told.append,
        )

    async def has(self, wanted: Callable[[], bool]) -> None:
        """Wait until something holds."""
        last = time.monotonic() + WAIT_S
        while not wanted():
            assert time.monotonic() < last, self.told
            await asyncio.sleep(0.005)


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(stack)


async def draw(engine: OpenAIEngine, numbers: Sequence[int]) -> None:
    async def one(number: int) -> None:
        async for _ in engine.sample(Request(Problem(f"q{number}", f"What is number {number} ?"))):
            pass

    ended = await asyncio.gather(*(one(number) for number in numbers), return_exceptions=True)
    for error in (error for error in ended if error is not None):
        raise error


def run(work: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(bounded())


def test_a_listed_server_that_is_silent_at_the_start_joins_once_it_answers(fleet: Fleet) -> None:
    first, late, port = NamedServer(), NamedServer(), free_port()
    engine = fleet.engine(urls=[fleet.start(first), f"http://127.0.0.1:{port}/v1"])
    assert (engine.servers.up, engine.servers.listed) == (1, 2) and "it joins once it does" in fleet.told[0]

    async def work() -> None:
        await draw(engine, range(4))
        assert not late.seen
        fleet.start(late, port)
        await fleet.has(lambda: engine.servers.up == 2)
        probed = len(late.seen)
        assert probed > 0, "its model is checked"
        await draw(engine, range(8, 16))
        assert len(late.seen) - probed >= 2

    run(work())
    assert "has joined: 2 of 2 servers are up" in fleet.told[-1]


def test_without_any_server_that_answers_nothing_starts(fleet: Fleet) -> None:
    urls = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(2)]
    with pytest.raises(InputError, match=r"does not answer .*: start the server, or correct engine\.openai\.urls"):
        fleet.engine(urls=urls)


def test_a_file_adds_and_removes_servers_and_a_wrong_one_changes_nothing(fleet: Fleet, tmp_path: Path) -> None:
    first, second, wrong = NamedServer(word_s=0.05), NamedServer(), NamedServer("other")
    urls = [fleet.start(script) for script in (first, second, wrong)]
    file = tmp_path / "servers"
    file.write_text(urls[0])
    engine = fleet.engine(urls_file=str(file), concurrency=4)
    sizes: list[int] = []
    engine.when_resized(sizes.append)

    async def work() -> None:
        await draw(engine, [0])
        file.write_text("\n".join(urls))
        await fleet.has(lambda: engine.servers.up == 2 and engine.servers.listed == 3)
        await fleet.has(lambda: any("serves other, and not m" in sentence for sentence in fleet.told))
        drawn = len(second.seen)
        in_progress = asyncio.create_task(draw(engine, range(1, 9)))
        await fleet.has(lambda: len(second.seen) > drawn)
        file.write_text(f"{urls[1]}\n")
        await fleet.has(lambda: engine.servers.listed == 1)
        before = len(first.seen)
        await in_progress
        assert len(first.seen) == before, "it finished what it had"
        file.write_text("nonsense")
        await fleet.has(lambda: any("the servers stay as they are" in sentence for sentence in fleet.told))
        await draw(engine, range(9, 13))
        assert len(first.seen) == before and not any("messages" in body for body in wrong.seen)

    run(work())
    assert sizes == [4, 8, 12, 8, 4]
    for words in (
        "serves other, and not m",
        "the servers stay as they are",
        "has left the list: it finishes 4 requests",
    ):
        assert [words in sentence for sentence in fleet.told].count(True) == 1, "\n".join([words, *fleet.told])


def test_a_server_that_comes_back_with_another_model_is_not_used(fleet: Fleet) -> None:
    first, second = NamedServer(), NamedServer()
    engine = fleet.engine(urls=[fleet.start(first), fleet.start(second)])

    async def work() -> None:
        await draw(engine, range(4))
        second.model = "other"
        with pytest.raises(Exception, match="has no model m any more"):
            await draw(engine, range(10, 20))
        assert engine.servers.up == 1
        seen = len(second.seen)
        await draw(engine, range(20, 30))
        assert len(second.seen) == seen
        second.model = "m"
        await fleet.has(lambda: engine.servers.up == 2)

    run(work())


def test_a_server_that_drains_gets_nothing_until_it_answers_again(fleet: Fleet) -> None:
    class Draining(NamedServer):
        drains = False

        def models(self) -> Any:
            if self.drains:
                raise RefusalError(503, "draining")
            return super().models()

        def check(self, body: Body) -> None:
            if self.drains:
                raise RefusalError(503, "draining")

    first, second = NamedServer(), Draining()
    engine = fleet.engine(urls=[fleet.start(first), fleet.start(second)])

    async def work() -> None:
        await draw(engine, range(4))
        second.drains = True
        with pytest.raises(Exception, match=r"failed \(draining\)"):
            await draw(engine, range(10, 20))
        seen = len(second.seen)
        await draw(engine, range(20, 30))
        await asyncio.sleep(0.2)
        assert len(second.seen) == seen and engine.servers.up == 1, "looks at it draw nothing"
        second.drains = False
        await fleet.has(lambda: engine.servers.up == 2)

    run(work())


def test_a_text_is_continued_by_the_server_that_has_the_question(fleet: Fleet) -> None:
    first, second = NamedServer(), NamedServer()
    engine = fleet.engine(urls=[fleet.start(first), fleet.start(second)], form=Prompt())
    probed = len(first.seen), len(second.seen)

    async def work() -> None:
        for prefix in (None, Sample("We "), Sample("We add.")):
            async for _ in engine.sample(Request(Problem("q", "What is number 3 ?"), prefix=prefix)):
                engine._connections.balancer.servers[0].running += 1  # it is the more loaded one

    run(work())
    assert (len(first.seen) - probed[0], len(second.seen) - probed[1]) == (3, 0)


def test_each_address_of_a_name_is_a_server(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts.engines.openai.fleet import server_list

    port, scripts = free_port(), [NamedServer(), NamedServer()]
    addresses = ["127.0.0.1"]
    for script, host in zip(scripts, ("127.0.0.1", "127.0.0.2"), strict=True):
        fleet.start(script, port, host)
    monkeypatch.setattr(
        server_list, "_addresses", lambda url: tuple(url.replace("vllm", address) for address in addresses)
    )
    engine = fleet.engine(urls=[f"http://vllm:{port}/v1"], resolve=True)

    async def work() -> None:
        await engine.connect()
        addresses.append("127.0.0.2")
        await fleet.has(lambda: engine.servers.up == 2)
        probed = len(scripts[1].seen)
        await draw(engine, range(8))
        assert len(scripts[1].seen) - probed >= 2
        del addresses[0]
        await fleet.has(lambda: engine.servers.listed == 1)
        await draw(engine, range(8, 12))

    run(work())
