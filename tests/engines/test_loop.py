"""The loop of the front door: any thread gives it work, Ctrl-C cancels what it does, and it starts again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tts.engines.loop import LoopThread


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    made = LoopThread()
    yield made
    made.close()


async def which() -> int:
    await asyncio.sleep(0)
    return threading.get_ident()


def test_all_work_runs_in_one_thread_whoever_asks(loop: LoopThread) -> None:
    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(loop.run(which()))) for _ in range(5)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    async def inside() -> tuple[int, int]:
        return await loop.wait(which()), loop.run(which())  # a blocking call inside a running loop, as in a notebook

    assert len({*found, *asyncio.run(inside())}) == 1 and threading.get_ident() not in found


def test_an_error_comes_out_and_a_cancellation_goes_in(loop: LoopThread) -> None:
    async def broken() -> None:
        raise ValueError("the bug")

    with pytest.raises(ValueError, match="the bug"):
        loop.run(broken())
    cleaned = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    async def cancelled() -> None:
        task = asyncio.create_task(loop.wait(endless()))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert cleaned.wait(5)
    future = loop.submit(endless())
    loop.run(which())
    cleaned.clear()
    loop.cancel(future)
    assert cleaned.is_set()


def test_a_call_that_would_wait_for_itself_is_refused(loop: LoopThread) -> None:
    async def nested() -> None:
        loop.run(which())

    with pytest.raises(RuntimeError, match="use the async form"):
        loop.run(nested())


def test_it_starts_again_after_it_was_closed(loop: LoopThread) -> None:
    loop.run(which())
    before = threading.active_count()
    loop.close()
    assert threading.active_count() == before - 1
    loop.run(which())
