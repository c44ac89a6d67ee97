"""Samples from an engine's streams: collect one stream, join its pieces with the prefix, and run several at once.

Knows nothing about strategies, scorers, retries or ledgers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import time
from typing import Any, TypeVar

from tts.engines.base import Chunk, Engine, Request
from tts.errors import EngineError
from tts.types import Sample, Signals, Trace

T = TypeVar("T")


async def collected(engine: Engine, request: Request) -> Sample:
    """Return the sample that a request draws, with its prefix, without an answer or usage.

    Raises:
        EngineError: the engine fails, or ends the stream without a reason.
    """
    chunks: list[Chunk] = []
    started = time()
    async with aclosing(engine.sample(request)) as stream:  # type: ignore[type-var]
        async for chunk in stream:
            if request.meter.first_s is None and chunk.end is None:
                request.meter.first_s = time()
            chunks.append(chunk)
    if not chunks or chunks[-1].end is None:
        raise EngineError(f"{type(engine).__name__} ended a stream without a reason")
    prefix = request.prefix
    given, ids = prefix.token_ids if prefix else (), tuple([i for c in chunks for i in c.token_ids])
    trace = owned(continued(prefix, [c.trace for c in chunks], request.signals.watch), request.signals)
    if any(c.unnamed for c in chunks):
        given, ids, trace = (), (), replace(trace, processed=(), alternatives=())
    return Sample(
        text=(prefix.text if prefix else "") + "".join([c.text for c in chunks]),
        end=chunks[-1].end,
        index=request.index,
        token_ids=given + ids,
        trace=trace,
        given=len(given),
        started_s=started,
        first_s=request.meter.first_s,
        finished_s=time(),
        reasoning="".join([c.reasoning for c in chunks]) or None,
        calls=tuple([call for c in chunks for call in c.calls]),
    )


def continued(prefix: Sample | None, traces: Sequence[Trace], watch: Sequence[int]) -> Trace:
    """Return the trace of a sample from those of its pieces, and of its prefix if that has one.

    Beside a prefix with a trace, columns that lack some of the tokens are dropped. ``processed`` and ``alternatives``
    are kept where every token of the sample has them: the rest of a text is no mass of the whole.
    """
    if prefix is not None and prefix.token_ids and prefix.trace.covers(len(prefix.token_ids)):
        return Trace.joined([replace(prefix.trace, probe=None), *traces], watch).aligned()
    whole = traces[0] if len(traces) == 1 else Trace.joined(traces, watch)
    if whole.processed or whole.alternatives:
        begun = prefix is not None and bool(prefix.text or prefix.token_ids)
        return replace(whole, processed=(), alternatives=()) if begun else whole
    return whole


def owned(trace: Trace, signals: Signals) -> Trace:
    """Return the trace with the owners of its watched tokens."""
    owners = {o: tokens for o, tokens in signals.owners.items() if all(token in trace.watched for token in tokens)}
    return replace(trace, owners=owners) if owners else trace


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run coroutines concurrently and return their results in order.

    If one fails, or the caller is cancelled, the others are cancelled and awaited. A ``TaskGroup`` would leave its
    caller looking cancelled in Python 3.11.

    Raises:
        Exception: the error of one of them; a bug goes before an ``EngineError``.
    """
    tasks = [asyncio.create_task(one) for one in work]
    try:
        if tasks:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await abort(tasks)
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
    if errors:
        raise next((error for error in errors if not isinstance(error, EngineError)), errors[0])
    return [task.result() for task in tasks]


async def abort(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for all of them; their errors stay on the tasks."""
    for task in tasks:
        task.cancel()
    await settle(tasks)


async def settle(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait until all tasks have ended; retrieve each exception, so that asyncio does not log it as never retrieved."""
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
