"""Many clients at once on the fake engine: routes, strategies and streams mixed, and some that leave early."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tts
from benchmarks.serve.process import Light, ServeProcess
from tts.engines.fake.engine import FakeEngine

FAKE = {"kind": "fake", "model": "fake"}
STRATEGIES = ("self_consistency", "adaptive_consistency", "esc", "first_sample")
ROUTES = ("chat", "stream", "score", "decisions")
CLIENTS, SECONDS, QUESTIONS, BUDGET = 200, 60.0, 100, 8
LEAVE, SETTLED_S = 0.2, 10.0
"""The share of requests whose client leaves early, and the seconds before memory is compared."""


@dataclass(frozen=True)
class Case:
    """A request and the part of its answer that names the question.

    Attributes:
        route: of ``ROUTES``.
        path: the path of the route.
        body: the body of the request.
        expected: the answer's own part, as :func:`part_of` reads it.
    """

    route: str
    path: str
    body: dict[str, Any]
    expected: object


@dataclass
class Counts:
    """The outcome of all requests.

    Attributes:
        seconds: of each whole answer, by its route.
        ends: the number of requests by their outcome: "answered", "left", "swapped", "lost", "status N".
        memory: seconds since the start, and the server's memory in MB.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {route: [] for route in ROUTES})
    ends: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)


def clients(fraction: float) -> str:
    """Return the row.

    Args:
        fraction: of the seconds; half of the full row's clients ask below .5, a quarter below .25.
    """
    seconds = max(5.0, SECONDS * fraction)
    number = CLIENTS if fraction >= 0.5 else CLIENTS // 2 if fraction >= 0.25 else CLIENTS // 4
    with ServeProcess("engine.kind=fake", "engine.model=fake", f"budget={BUDGET}", f"draws={BUDGET}") as server:
        cases = asyncio.run(_cases(server))
        used, counts = server.processor_s, Counts()
        asyncio.run(_load(server, cases, number, seconds, counts))
        used = server.processor_s - used
        after = asyncio.run(_after(server, cases[0]))
    tts.close()
    every = [one for part in counts.seconds.values() for one in part]
    ends = ", ".join(f"{name} {n}" for name, n in sorted(counts.ends.items()))
    rows = [
        f"{number} clients for {seconds:g} s, {len(every) / seconds:.0f} answers/s, server's cores {used / seconds:.2f}"
    ]
    rows.append(f"requests by outcome: {ends}; lost {counts.ends['lost']}, swapped or wrong {counts.ends['swapped']}")
    different = len({json.dumps([case.route, case.expected]) for case in cases})
    rows.append(f"{len(cases)} different requests with {different} different answers; ids apart in each request")
    rows.append(f"a question afterwards: {after or 'swapped'}")
    rows.append(f"{'':12}{'answers':>9}{'p50 ms':>9}{'p99 ms':>9}")
    for name, part in [*counts.seconds.items(), ("all", every)]:
        middle, last = (np.percentile(part, q) * 1e3 for q in (50, 99)) if part else (0.0, 0.0)
        rows.append(f"{name:12}{len(part):9}{middle:9.0f}{last:9.0f}")
    rows.append(_memory(counts.memory, min(SETTLED_S, seconds / 2)))
    return "\n".join(rows)


async def _after(server: ServeProcess, case: Case) -> str:
    """Return the outcome of one more request."""
    light = Light(server.port)
    try:
        return await _ask(light, case, "after")
    finally:
        light.leave()
        await asyncio.sleep(0)  # the transport closes in the next turn


def _memory(seen: Sequence[tuple[float, float]], settled_s: float) -> str:
    """Return the sentence on memory: a third after it has settled, and a third at the end, as means."""
    late = [mb for at, mb in seen if at >= settled_s]
    third = max(1, len(late) // 3)
    first, last = (float(np.mean(part)) for part in (late[:third], late[-third:]))
    return (
        f"memory of the server from {settled_s:g} s on: {first:.1f} MB in the first third, {last:.1f} MB in the last "
        f"({last / first - 1:+.1%}), {min(late):.1f} to {max(late):.1f} MB"
    )


async def _cases(server: ServeProcess) -> list[Case]:
    """Return every request: chats with the library's answers, the others with what one client alone is answered.

    Verdicts of different questions may be equal, so that the request's id tells those apart.
    """
    questions = [problem.question for problem in FakeEngine.problems(QUESTIONS)]
    cases: list[Case] = []
    for strategy in STRATEGIES:
        solver = tts.Solver.open(strategy=strategy, budget=BUDGET, **FAKE)
        for question in questions:
            answer = await solver.asolve(question)
            body = {"model": f"fake/{strategy}", "messages": [{"role": "user", "content": question}]}
            expected = [answer.answer, answer.p_correct, answer.usage.total]
            cases.append(Case("chat", "/v1/chat/completions", body, expected))
            cases.append(Case("stream", "/v1/chat/completions", {**body, "stream": True}, expected))
    light = Light(server.port)
    alone: list[tuple[str, str, dict[str, Any]]] = []
    for number, question in enumerate(questions):
        guess = str(number % 4)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": guess}]
        asked = [{"type": "predicate", "name": "correct", "instructions": "The answer is right."}]
        alone.append(("score", "/v1/score", {"model": "fake", "question": question, "answer": guess}))
        alone.append(("decisions", "/v1/decisions", {"model": "fake", "input": turns, "questions": asked}))
    for route, path, body in alone:
        status, _, content = await light.ask(path, body)
        assert status == 200, content
        cases.append(Case(route, path, body, part_of(route, content)))
    light.leave()
    await asyncio.sleep(0)
    return cases


def part_of(route: str, content: bytes) -> object:
    """Return the part of an answer that depends on its question."""
    if route == "stream":
        events = [line[6:] for line in content.split(b"\n") if line.startswith(b"data: {")]
        found = next(event["tts"] for event in map(json.loads, events) if event.get("tts"))
    else:
        found = json.loads(content)
    if route == "score":  # the prompt may have been read before, so that the sum of the tokens alone holds
        return [{**row, "usage": sum(row["usage"].values())} for row in found["data"]]
    if route == "decisions":
        return found["answers"]
    found = found if route == "stream" else found["tts"]
    return [found["answer"], found["p_correct"], sum(found["usage"].values())]


async def _load(server: ServeProcess, cases: Sequence[Case], number: int, seconds: float, counts: Counts) -> None:
    """Run all clients until the time is up."""
    began = time.perf_counter()
    by_route = {route: [case for case in cases if case.route == route] for route in ROUTES}

    async def client(own: int) -> None:
        rng, light, asked = random.Random(own), Light(server.port), 0
        while time.perf_counter() - began < seconds:
            case, name, asked = rng.choice(by_route[rng.choice(ROUTES)]), f"client-{own}-{asked}", asked + 1
            if rng.random() < LEAVE:
                await light.send(case.path, case.body, name)
                await asyncio.sleep(rng.uniform(0.0, 0.1))
                light.leave()
                counts.ends["left"] += 1
                continue
            started = time.perf_counter()
            try:
                end = await _ask(light, case, name)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                light.leave()
                counts.ends["lost"] += 1
                continue
            counts.ends[end or "swapped"] += 1
            if end == "answered":
                counts.seconds[case.route].append(time.perf_counter() - started)
        light.leave()
        await asyncio.sleep(0)

    async def watch() -> None:
        while True:
            counts.memory.append((time.perf_counter() - began, server.memory_mb))
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(client(own) for own in range(number)))
    watching.cancel()


async def _ask(light: Light, case: Case, name: str) -> str:
    """Return "answered", "status N", or nothing for an answer of another request."""
    async with asyncio.timeout(60):
        status, named, content = await light.ask(case.path, case.body, name)
    if status != 200:
        return f"status {status}"
    return "answered" if named == name and part_of(case.route, content) == case.expected else ""
