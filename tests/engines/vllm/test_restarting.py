"""A dead vLLM is started again once, for all of its requests, and belongs to one event loop."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from tests.engines.cases import calmly
from tts.engines.vllm.restarting import RestartingLLM
from tts.errors import EngineError, UnsupportedError


class Running:
    def __init__(self) -> None:
        self.errored = self.ended = False

    def shutdown(self) -> None:
        self.ended = True


def test_a_dead_engine_is_started_again_once_for_all_requests() -> None:
    sentences: list[str] = []

    async def scenario() -> None:
        llm = RestartingLLM(Running, notify=sentences.append)
        first = await llm.get()
        assert await llm.get() is first and llm.restarts == 0
        first.errored = True
        found = await asyncio.gather(*(llm.get() for _ in range(3)))
        assert len(set(map(id, found))) == 1 and found[0] is not first and first.ended
        assert llm.restarts == 1 and llm.current is found[0]
        found[0].errored = True
        with pytest.raises(EngineError, match="vLLM died again"):
            await llm.get()

    calmly(scenario())
    assert sentences == ["vLLM died: its samples failed, and it is started again, once"]


def test_another_event_loop_is_refused() -> None:
    llm = RestartingLLM(Running, notify=lambda text: None)
    asyncio.run(llm.get())
    with pytest.raises(UnsupportedError, match="belongs to the event loop that it was first used in"):
        asyncio.run(llm.get())


def test_closing_ends_it_once() -> None:
    ends: list[bool] = []
    llm = RestartingLLM(lambda: SimpleNamespace(shutdown=lambda: ends.append(True)), notify=lambda text: None)
    llm.close()
    llm.close()
    assert ends == [True] and llm.current is None
