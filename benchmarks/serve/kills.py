"""Ends of a ``tts serve`` process under load: kill -9 with a pool of draws, and SIGTERM."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.serve.process import Light, ServeProcess
from benchmarks.serve.upstream import MODEL, UpstreamProcess, asked_counts

TIMES, QUESTIONS, FLIGHT, BUDGET = 10, 60, 16, 8
CLIENTS = 50
UPSTREAM = ("--seconds", "0.3", "--writes", "3")


def kills(fraction: float) -> str:
    """Return the row; the full one takes about 4 minutes.

    Args:
        fraction: of the times that a server is ended, at least one.
    """
    times = max(1, round(TIMES * fraction))
    with UpstreamProcess(*UPSTREAM) as upstream, tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_killed(upstream, Path(folder) / "kept.sqlite", times))
        rows += asyncio.run(_terminated(upstream, times))
    return "\n".join(rows)


def _arguments(upstream: UpstreamProcess, *more: str) -> tuple[str, ...]:
    model = ("engine.kind=openai", f"engine.model={MODEL}", f"engine.openai.urls=[{upstream.url}]", "task.chat=true")
    return (*model, "engine.max_tokens=512", "strategy=self_consistency", f"budget={BUDGET}", *more)


def _kept(pool: Path) -> int:
    """Return the number of draws in a pool that no process has open."""
    with closing(sqlite3.connect(pool)) as database:
        return int(database.execute("SELECT count(*) FROM samples").fetchone()[0])


async def _asked(port: int, numbers: Sequence[int], found: dict[int, Any], differ: list[int]) -> None:
    """Ask questions, a number of them at a time, and note their answers and those that are not as before."""
    waiting = iter(numbers)

    async def worker() -> None:
        light = Light(port)
        try:
            for number in waiting:
                body = {"model": MODEL, "messages": [{"role": "user", "content": f"Number {number}?"}], "seed": number}
                status, _, content = await light.ask("/v1/chat/completions", body)
                assert status == 200, content
                reply = json.loads(content)
                answer = [reply["choices"], reply["tts"]["votes"], reply["tts"]["samples"]]
                if found.setdefault(number, answer) != answer:
                    differ.append(number)
        finally:
            light.leave()

    await asyncio.gather(*(worker() for _ in range(FLIGHT)), return_exceptions=True)


async def _killed(upstream: UpstreamProcess, pool: Path, times: int) -> list[str]:
    """Return the rows of kill -9: each server answers everything that was asked before, and is killed in new load."""
    rng, found, differ = random.Random(0), dict[int, Any](), list[int]()
    asked: list[int] = []
    again = lost = beyond = 0
    for time in range(times + 1):
        answered, open_ = [n for n in asked if n in found], [n for n in asked if n not in found]
        with ServeProcess(*_arguments(upstream, f"serve.pool={pool}")) as server:
            start, kept = asked_counts(upstream.url)["drawn"], _kept(pool)
            await _asked(server.port, answered, found, differ)
            drawn = asked_counts(upstream.url)["drawn"] - start
            again += drawn
            await _asked(server.port, open_, found, differ)
            missing = BUDGET * len(asked) - kept
            beyond += asked_counts(upstream.url)["drawn"] - start - drawn - missing
            lost += sum(number not in found for number in asked)
            if time < times:
                new = range(len(asked), len(asked) + QUESTIONS)
                asked += new
                load = asyncio.create_task(_asked(server.port, new, found, differ))
                await asyncio.sleep(rng.uniform(0.3, 1.2))
                server.kill()
                await load
            print(f"kills: {time} of {times}, {len(found)} of {len(asked)} questions answered", file=sys.stderr)
    total = (
        f"{len(asked)} questions, {BUDGET} draws each, {FLIGHT} in flight, serve.pool: kill -9 {times} times in load"
    )
    return [
        total,
        f"draws for questions that were answered before: {again}; answers that differ from the first: {len(differ)}",
        f"draws beyond those that the pool lacked: {beyond}; questions without an answer: {lost}",
    ]


async def _terminated(upstream: UpstreamProcess, times: int) -> list[str]:
    """Return the rows of SIGTERM: clients with a connection for each request ask until they are refused."""
    rng, ends = random.Random(1), Counter[str]()
    codes: Counter[int] = Counter()
    for time in range(times):
        with ServeProcess(*_arguments(upstream, "serve.grace_s=5")) as server:
            load = asyncio.gather(*(_client(server.port, own, ends) for own in range(CLIENTS)))
            await asyncio.sleep(rng.uniform(0.5, 1.5))
            server.signal(signal.SIGTERM)
            await load
            codes[await asyncio.to_thread(server.wait)] += 1
        print(f"kills: SIGTERM {time + 1} of {times}", file=sys.stderr)
    shown = ", ".join(f"{name} {n}" for name, n in sorted(ends.items()))
    return [
        f"SIGTERM {times} times, {CLIENTS} clients with a connection for each request: {shown}; connections without an "
        f"answer: {ends['no answer']}; exit statuses {dict(codes)}"
    ]


async def _client(port: int, own: int, ends: Counter[str]) -> None:
    """Ask until the server refuses; a connection that is refused was none."""
    for number in range(10_000):
        light = Light(port)
        body = {"model": MODEL, "messages": [{"role": "user", "content": f"Client {own}, number {number}?"}]}
        try:
            await light.send("/v1/chat/completions", body)
        except OSError:
            return
        try:
            async with asyncio.timeout(60):
                status, _, _ = await light.read()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            ends["no answer"] += 1
            return
        finally:
            light.leave()
        ends[f"status {status}"] += 1
        if status != 200:
            return
