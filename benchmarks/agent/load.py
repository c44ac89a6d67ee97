"""The runner under load: cancels at every stage, and a new question behind many that want the whole batch."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.agent.subject import Subject
from strategies.beam import PrunedBeams
from strategies.catalog import method
from tts.agent.opening import Parts
from tts.engines.base import Chunk, Request
from tts.engines.streams import together
from tts.runtime import Runner
from tts.runtime.options import Options
from tts.scorers.grace import Grace
from tts.strategy import Strategy
from tts.types import Problem, Sample, Usage

ROWS = 64
BUNDLED = Subject()


class ReadAgain(Grace):
    """Reads each sample by a further pass of the engine, though the pass that drew it has its value."""

    uses_engine = True

    def _drawn(self, sample: Sample) -> float | None:
        return None


def open_parts(subject: Subject) -> Parts:
    """Return the model with a batch of :data:`ROWS` rows."""
    return subject.parts(strategy="cges", max_batch_size=ROWS)


def strategies() -> list[tuple[Strategy, int]]:
    """Return strategies of every family, each with a look-ahead."""
    beams = PrunedBeams(width=4, budget=4)
    named = [(method(name).build(8), ahead) for name, ahead in (("cges", 0), ("grace_es", 2), ("self_consistency", 0))]
    return [*named, (beams, 0)]


async def cancels(number: int, subject: Subject = BUNDLED) -> str:
    """Cancel questions at random moments among others that stay; compare ledgers, rows and texts.

    Args:
        number: questions to cancel; they repeat where there are fewer.
        subject: the model.
    """
    parts = open_parts(subject)
    kept = subject.questions(subject.count(24, 1.0), seed=71)
    alone = await _kept(_runner(parts), parts, kept)
    counted = _counters(parts)
    booked: list[Usage] = []
    runner = _runner(parts, booked)
    rng, kinds, again = random.Random(5), strategies(), parts.judge
    if isinstance(again, Grace):
        again = ReadAgain(again.card)
    some = subject.questions(subject.count(number, 1.0), seed=72)
    leaving = [replace(some[i % len(some)], id=f"leaving-{i}") for i in range(number)]
    tasks: list[asyncio.Task[Any]] = []
    staying: list[asyncio.Task[Any]] = []

    async def leave(problem: Problem) -> None:
        strategy, ahead = rng.choice(kinds)
        limit, scorer = rng.choice((None, None, None, 0.3)), rng.choice((parts.judge, again))
        await runner.run(strategy, problem, scorer=scorer, lookahead=ahead, time_limit_s=limit)

    for at, problem in enumerate(leaving):
        if at * len(kept) // number >= len(staying):
            staying.append(asyncio.create_task(_kept(runner, parts, [kept[len(staying)]])))
        tasks.append(asyncio.create_task(leave(problem)))
        await asyncio.sleep(rng.random() * 0.1)
        for task in [task for task in tasks if not task.done() and rng.random() < 0.1]:
            task.cancel()
    for task in tasks:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    ended = sum(isinstance(one, asyncio.CancelledError) for one in found)
    assert ended + sum(one is None for one in found) == number, found
    beside = [texts for one in await asyncio.gather(*staying) for texts in one]
    await asyncio.sleep(0.2)
    batch = parts.engine.batch  # type: ignore[attr-defined]
    left = runner.active + runner.waiting + runner.draws_waiting + len(batch._slots.rows) + len(batch._waiting)
    others = len(asyncio.all_tasks()) - 1
    spent, now = sum(booked, Usage()), _counters(parts)
    engine = tuple(after - before for after, before in zip(now, counted, strict=True))
    ledger = (spent.generated, spent.prompt, spent.prompt_cached, spent.scorer_prefill)
    same = sum(a == b for a, b in zip(alone, beside, strict=True))
    difference = sum(abs(a - b) for a, b in zip(ledger, engine, strict=True))
    return (
        f"{number} questions, {ended} of them cancelled while they waited, drew or were judged: {left + others} rows, "
        f"places or tasks left;\n  ledger {ledger}, engine {engine} (drawn, prompt, cached, scored), difference "
        f"{difference}; {same} of the {len(kept)} others have the same tokens"
    )


async def new_question(waiting: int, subject: Subject = BUNDLED) -> str:
    """Ask one question while others with 16 draws each want every row.

    Args:
        waiting: the other questions.
        subject: the model.
    """
    parts = open_parts(subject)
    runner = _runner(parts)
    full = method("self_consistency").build(16)
    many, [new] = subject.questions(subject.count(waiting, 1.0), seed=73), subject.questions(1, seed=74)
    begun: dict[str, float] = {}
    spans: list[float] = []
    with _watched(parts.engine, begun, spans):
        others = [asyncio.create_task(runner.run(full, p, scorer=parts.judge)) for p in many]
        while len(begun) < len(many):
            await asyncio.sleep(0.01)
        asked, queued = perf_counter(), runner.draws_waiting
        result = await runner.run(method("self_consistency").build(4), new, scorer=parts.judge)
        answered = perf_counter() - asked
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    first = begun[new.id] - asked
    samples: list[Sample] = list(result.decision.samples)
    return (
        f"behind {len(many)} questions of 16 draws ({queued} draws wait for {ROWS} rows): first row after "
        f"{first:.2f} s,\n  {len(samples)} draws and the answer after {answered:.2f} s; a sample takes "
        f"{np.median(spans):.2f} s in the median, {max(spans):.2f} s at most"
    )


async def _kept(runner: Runner, parts: Parts, problems: list[Problem]) -> list[list[tuple[int, ...]]]:
    strategy = method("self_consistency").build(4)
    results = await together([runner.run(strategy, p, scorer=parts.judge) for p in problems])
    return [[sample.token_ids for sample in result.decision.samples] for result in results]


def _runner(parts: Parts, booked: list[Usage] | None = None) -> Runner:
    def ledger(problem: Problem, usage: Usage) -> None:
        if booked is not None:
            booked.append(usage)

    options = replace(Options(), rows=ROWS)
    return Runner(parts.engine, extract=parts.task.extract, options=options, max_waiting=100_000, ledger=ledger)


def _counters(parts: Parts) -> tuple[int, int, int, int]:
    batch = parts.engine.batch  # type: ignore[attr-defined]
    return batch.drawn, batch.prompt, batch.prompt_cached, batch.scored


@contextmanager
def _watched(engine: Any, begun: dict[str, float], spans: list[float]) -> Iterator[None]:
    """Note when the engine gets the first draw of each question, and how long each draw takes."""
    real = engine.sample

    async def sample(request: Request) -> AsyncIterator[Chunk]:
        start = perf_counter()
        begun.setdefault(request.problem.id, start)
        async for chunk in real(request):
            yield chunk
        spans.append(perf_counter() - start)

    engine.sample = sample
    try:
        yield
    finally:
        del engine.sample
