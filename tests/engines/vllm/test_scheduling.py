"""A prompt is read once however many samples share it, and two exclusive kinds of requests never overlap."""

from __future__ import annotations

import asyncio

import pytest

from tests.engines.cases import calmly, turns
from tts.engines.vllm import scheduling
from tts.engines.vllm.scheduling import ExclusiveKinds, PrefillGate

PROMPT, OTHER = (1, 2, 3), (4, 5)


def test_one_request_reads_a_prompt_and_the_others_wait() -> None:
    async def scenario() -> None:
        gate = PrefillGate()
        assert await gate.acquire(PROMPT)
        others = [asyncio.create_task(gate.acquire(PROMPT)) for _ in range(3)]
        await turns(3)
        assert not any(task.done() for task in others)
        assert await gate.acquire(OTHER)
        gate.release(PROMPT, read=True)
        assert await asyncio.gather(*others) == [False] * 3
        assert not await gate.acquire(PROMPT)

    calmly(scenario())


def test_a_prompt_that_was_not_read_passes_to_one_of_those_that_wait() -> None:
    async def scenario() -> None:
        gate = PrefillGate()
        assert await gate.acquire(PROMPT)

        async def request() -> bool:
            is_first = await gate.acquire(PROMPT)
            if is_first:
                gate.release(PROMPT, read=True)
            return is_first

        others = [asyncio.create_task(request()) for _ in range(3)]
        await turns(3)
        gate.release(PROMPT, read=False)
        gate.release(PROMPT, read=False)  # a second release changes nothing
        assert sorted(await asyncio.gather(*others)) == [False, False, True]

    calmly(scenario())


def test_the_prompts_read_longest_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduling, "MAX_READ_PROMPTS", 2)

    async def scenario() -> None:
        gate = PrefillGate()
        for number in (0, 1):
            assert await gate.acquire((number,))
            gate.release((number,), read=True)
        assert not await gate.acquire((0,))  # used again, so 1 is the oldest now
        assert await gate.acquire((2,))
        gate.release((2,), read=True)
        assert not await gate.acquire((0,))
        assert await gate.acquire((1,))

    calmly(scenario())


def test_kinds_take_turns_and_one_kind_runs_together() -> None:
    running: dict[str, int] = {"top": 0, "named": 0, "": 0}
    most: dict[str, int] = dict(running)

    async def request(kinds: ExclusiveKinds, kind: str) -> None:
        async with kinds.admit(kind):
            running[kind] += 1
            most[kind] = max(most[kind], running[kind])
            assert not (running["top"] and running["named"])
            await turns(3)
            running[kind] -= 1

    async def scenario() -> None:
        kinds = ExclusiveKinds()
        await asyncio.gather(*(request(kinds, kind) for kind in ["top", "named", "", "top", "named"] * 4))

    calmly(scenario())
    assert most["top"] > 1 and most["named"] > 1 and most[""] == 4


def test_a_request_that_fails_or_is_cancelled_lets_the_others_go_on() -> None:
    async def scenario() -> None:
        kinds = ExclusiveKinds()
        with pytest.raises(LookupError):
            async with kinds.admit("top"):
                raise LookupError
        async with kinds.admit("named"):
            waiting = asyncio.create_task(kinds.admit("top").__aenter__())
            await turns(2)
            waiting.cancel()
        await asyncio.wait([waiting])
        async with kinds.admit("top"):
            pass

    calmly(scenario())
