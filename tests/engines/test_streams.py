"""Streams become samples, their pieces join with the prefix, and concurrent work leaves nothing running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.engines.cases import calmly, turns
from tts.engines.base import Chunk, Request
from tts.engines.streams import abort, collected, continued, settle, together
from tts.errors import EngineError
from tts.types import End, Problem, Sample, Trace

ONE = Problem("q", "How many?", "7")


class Pieces:
    """Yields these chunks, and records whether its stream was closed."""

    capabilities = None

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks, self.closed = chunks, False

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        try:
            for chunk in self.chunks:
                yield chunk
        finally:
            self.closed = True


def draw(chunks: Sequence[Chunk], **more: Any) -> Sample:
    return calmly(collected(Pieces(chunks), Request(ONE, 3, **more)))  # type: ignore[arg-type]


def test_the_pieces_of_a_stream_are_one_sample() -> None:
    chunks = [Chunk("a ", (1,), Trace((-1.0,))), Chunk("b", (2, 3), Trace((-2.0, -3.0)), End.STOP)]
    sample = draw(chunks)
    assert (sample.text, sample.token_ids, sample.end, sample.index) == ("a b", (1, 2, 3), End.STOP, 3)
    assert sample.trace.logprobs == (-1.0, -2.0, -3.0)
    prefix = Sample("p ", token_ids=(8, 9), trace=Trace((-0.1, -0.2), probe=0.5), end=End.BOUNDARY)
    longer = draw(chunks, prefix=prefix)
    assert (longer.text, longer.token_ids, longer.given) == ("p a b", (8, 9, 1, 2, 3), 2)
    assert longer.trace.logprobs == (-0.1, -0.2, -1.0, -2.0, -3.0) and longer.trace.probe is None


@pytest.mark.parametrize("chunks", [[], [Chunk("a", (1,))]], ids=["empty", "endless"])
def test_a_stream_without_an_end_is_a_failure(chunks: list[Chunk]) -> None:
    with pytest.raises(EngineError, match="Pieces ended a stream without a reason"):
        draw(chunks)


def test_a_prefix_without_signals_leaves_the_new_trace_alone() -> None:
    new = Trace((-1.0,))
    assert continued(Sample("p ", token_ids=(8,)), [new], ()) is new
    assert continued(None, [new], ()) is new
    watched = Trace.joined([Trace(watched={4: (0.1,)}), Trace(watched={4: (0.2,)}, probe=0.7)], (4,))
    assert watched.watched == {4: (0.1, 0.2)} and watched.probe == 0.7


def test_concurrent_results_come_in_order() -> None:
    async def after(count: int) -> int:
        await turns(count)
        return count

    async def scenario() -> tuple[list[int], list[int]]:
        return await together([after(3), after(1), after(2)]), await together([])

    assert calmly(scenario()) == ([3, 1, 2], [])


def test_one_failure_cancels_the_others_and_a_bug_goes_first() -> None:
    ended = []

    async def fail(error: Exception) -> None:
        raise error

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    for errors, expected in (
        ([EngineError("lost")], EngineError),
        ([EngineError("lost"), LookupError("bug")], LookupError),
    ):
        ended.clear()
        with pytest.raises(expected):
            calmly(together([wait(), *map(fail, errors), wait()]))
        assert ended == [True, True]


def test_aborted_and_settled_tasks_report_nothing_as_lost() -> None:
    async def rude() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise EngineError("lost") from None

    async def scenario() -> list[bool]:
        tasks = [asyncio.create_task(rude()), asyncio.create_task(turns(1))]
        await turns(1)
        await abort(tasks)
        await settle([])
        return [task.done() for task in tasks]

    assert calmly(scenario(), collect=True) == [True, True]
