"""Questions a second over HTTP against the library's, in turns, on the fake engine.

This process collects garbage as seldom as ``tts serve`` does, so that the library and the clients have the same gain.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import openai

import tts
from benchmarks.serve.process import Light, ServeProcess
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from tts.cli.servers.serve import COLLECTED
from tts.engines.fake.engine import FakeEngine

FAKE = {"kind": "fake", "model": "fake"}
STRATEGIES = ("self_consistency", "adaptive_consistency")
FLIGHT, ROUNDS, BUDGET = 32, 12, 16
Found = list[tuple[str | None, float | None, int]]
"""Of each question the answer, its probability, and the number of samples."""
Way = Callable[[int], Awaitable[tuple[str | None, float | None, int]]]


def throughput(fraction: float) -> str:
    """Return the row: rounds of the library, the official client and a light one, in an order that turns.

    Args:
        fraction: of the questions of a round; rounds are never fewer than 12.
    """
    problems = FakeEngine.problems(max(FLIGHT, round(400 * fraction)))
    head = f"{len(problems)} questions a round, {FLIGHT} in flight, {ROUNDS} rounds in turns, budget {BUDGET}"
    rows = [head]
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED)
    with ServeProcess("engine.kind=fake", "engine.model=fake", f"budget={BUDGET}") as server:
        for strategy in STRATEGIES:
            rows += asyncio.run(_compare(server, strategy, [problem.question for problem in problems]))
    tts.close()
    return "\n".join(rows)


async def _compare(server: ServeProcess, strategy: str, questions: Sequence[str]) -> list[str]:
    """Return the rows of one strategy."""
    solver = tts.Solver.open(strategy=strategy, budget=BUDGET, **FAKE)
    official = openai.AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0)
    lights: asyncio.LifoQueue[Light] = asyncio.LifoQueue()
    for _ in range(FLIGHT):
        lights.put_nowait(Light(server.port))

    async def library(number: int) -> tuple[str | None, float | None, int]:
        answer = await solver.asolve(questions[number])
        return answer.answer, answer.p_correct, len(answer.samples)

    async def by_official(number: int) -> tuple[str | None, float | None, int]:
        reply = await official.chat.completions.create(
            model=f"fake/{strategy}", messages=[{"role": "user", "content": questions[number]}]
        )
        found = reply.tts  # type: ignore[attr-defined]
        return found["answer"], found["p_correct"], found["samples"]

    async def by_light(number: int) -> tuple[str | None, float | None, int]:
        light = await lights.get()
        body = {"model": f"fake/{strategy}", "messages": [{"role": "user", "content": questions[number]}]}
        status, _, content = await light.ask("/v1/chat/completions", body)
        lights.put_nowait(light)
        assert status == 200, content
        found = json.loads(content)["tts"]
        return found["answer"], found["p_correct"], found["samples"]

    ways: dict[str, Way] = {"library": library, "official client": by_official, "light client": by_light}
    expected = [await _round(way, len(questions)) for way in ways.values()]  # not counted: everything is warm then
    wall: dict[str, list[float]] = {name: [] for name in ways}
    own: dict[str, list[float]] = {name: [] for name in ways}
    there: dict[str, list[float]] = {name: [] for name in ways}
    identical = all(found == expected[0] for found in expected)
    for number in range(ROUNDS):
        turned = [*ways][number % len(ways) :] + [*ways][: number % len(ways)]
        for name in turned:
            began, here, served = time.perf_counter(), time.process_time(), server.processor_s
            found = await _round(ways[name], len(questions))
            wall[name].append(time.perf_counter() - began)
            own[name].append(time.process_time() - here)
            there[name].append(server.processor_s - served)
            identical &= found == expected[0]
    await official.close()
    while not lights.empty():
        lights.get_nowait().leave()
    samples = statistics.mean(one[2] for one in expected[0])
    rows = [f"\n{strategy}: {samples:.1f} samples a question; answers identical: {'yes' if identical else 'NO'}"]
    rows.append(f"{'':18}{'questions/s':>12}{'of the library':>24}{'own ms':>9}{'server ms':>11}")
    for name in ways:
        rate = len(questions) / statistics.median(wall[name])
        times = [statistics.median(part[name]) / len(questions) * 1e3 for part in (own, there)]
        ratio = "" if name == "library" else _ratio(wall["library"], wall[name])
        rows.append(f"{name:18}{rate:12.0f}{ratio:>24}{times[0]:9.2f}{times[1]:11.2f}")
    for name in ("official client", "light client"):
        rows.append(f"processor time of the library / the server's, {name}: {_ratio(own['library'], there[name])}")
    return rows


async def _round(way: Way, questions: int) -> Found:
    """Return what one way finds for each question, a number of them in flight."""
    found: dict[int, tuple[str | None, float | None, int]] = {}
    waiting = iter(range(questions))

    async def worker() -> None:
        for number in waiting:
            found[number] = await way(number)

    await asyncio.gather(*(worker() for _ in range(FLIGHT)))
    return [found[number] for number in range(questions)]


def _ratio(first: Sequence[float], second: Sequence[float]) -> str:
    """Return the geometric mean of the ratios of pairs, with its interval over rounds."""
    logs = np.log(np.asarray(first) / np.asarray(second))
    low, high = (float(np.exp(end)) for end in bootstrap_interval(logs, bootstrap_weights(len(logs), 10_000, 0)))
    return f"{math.exp(logs.mean()):.3f} [{low:.3f}, {high:.3f}]"
