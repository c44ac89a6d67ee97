"""Many clients at once: routes, strategies, scorers and streams mixed, and some that leave early.

On the fake engine every answer is compared with the library's. On the bundled GrACE model an answer may differ from
that of one client alone, as a batch of another size rounds otherwise: there the requests' own ids are compared, and the
share of equal answers is printed.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

import tts
from benchmarks.serve.process import Light, ServeProcess
from tts.engines.fake.engine import FakeEngine
from tts.stories.stories import take

FAKE = {"kind": "fake", "model": "fake"}
PLAYED: tuple[tuple[str, str | None], ...] = (
    ("self_consistency", None),
    ("adaptive_consistency", None),
    ("cisc", "watched"),
    ("cges", "watched"),
    ("first_sample", None),
)
"""Strategies with their scorers on the fake engine."""
GRACE_PLAYED: tuple[tuple[str, str | None], ...] = (("cges", None), ("grace_es", None), ("self_consistency", None))
ROUTES = ("chat", "stream", "score", "decisions")
CLIENTS, SECONDS, QUESTIONS, BUDGET = 200, 60.0, 100, 8
GRACE_QUESTIONS, LIMIT_S, ANSWER_S = 3, 60.0, 150.0
"""Questions on the bundled model, the time limit of a question, and the seconds after which an answer is lost."""
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
        equal: answers that are those of one client alone.
        memory: seconds since the start, and the server's memory in MB.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {route: [] for route in ROUTES})
    ends: Counter[str] = field(default_factory=Counter)
    equal: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)


def clients(fraction: float) -> str:
    """Return the row; the full one takes about 5 minutes.

    Args:
        fraction: of the seconds; half of the full row's clients ask below .5, a quarter below .25.
    """
    print("clients: fake engine", file=sys.stderr)
    fake = ("engine.kind=fake", "engine.model=fake", f"budget={BUDGET}", f"draws={BUDGET}")
    rows = f"on the fake engine\n{_part(fraction, fake, exact=True)}"
    print(f"{rows}\nclients: bundled model", file=sys.stderr)
    return f"{rows}\n\non the bundled GrACE model, calibrated, with its promise\n{_part(fraction, (), exact=False)}"


def _part(fraction: float, arguments: Sequence[str], *, exact: bool) -> str:
    """Return the rows of one server.

    Args:
        fraction: of the seconds.
        arguments: those of the server; none serve the bundled model.
        exact: whether every answer must be that of the library.
    """
    seconds = max(5.0, SECONDS * fraction)
    number = CLIENTS if fraction >= 0.5 else CLIENTS // 2 if fraction >= 0.25 else CLIENTS // 4
    number = number if exact or fraction >= 0.5 else number // 4
    with ServeProcess(*arguments) as server:
        cases = asyncio.run(_cases(server) if exact else _grace_cases(server))
        print(f"clients: {number} for {seconds:g} s", file=sys.stderr)
        used, began, counts = server.processor_s, time.perf_counter(), Counts()
        asyncio.run(_load(server, cases, number, seconds, counts, exact))
        used, whole = server.processor_s - used, time.perf_counter() - began
        after = asyncio.run(_after(server, cases[0]))
    tts.close()
    every = [one for part in counts.seconds.values() for one in part]
    ends = ", ".join(f"{name} {n}" for name, n in sorted(counts.ends.items()))
    rows = [
        f"{number} clients ask for {seconds:g} s, the last answer comes after {whole:.0f} s, {len(every) / whole:.1f} "
        f"answers/s, server's cores {used / whole:.2f}"
    ]
    rows.append(f"requests by outcome: {ends}; lost {counts.ends['lost']}, swapped or wrong {counts.ends['swapped']}")
    different = len({json.dumps([case.route, case.expected]) for case in cases})
    same = (
        ""
        if exact
        else f"; answers with the tokens that one client alone gets: {counts.equal / max(1, len(every)):.0%}"
    )
    rows.append(f"{len(cases)} different requests with {different} different answers; ids apart in each request{same}")
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
        return (await _ask(light, case, "after"))[0]
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
    for strategy, scorer in PLAYED:
        solver = tts.Solver.open(strategy=strategy, scorer=scorer, budget=BUDGET, **FAKE)
        for question in questions:
            answer = await solver.asolve(question)
            body = _chat("fake", strategy, scorer, question)
            expected = [answer.answer, answer.p_correct, answer.usage.total]
            cases.append(Case("chat", "/v1/chat/completions", body, expected))
            cases.append(Case("stream", "/v1/chat/completions", {**body, "stream": True}, expected))
    return cases + await _alone(server, _judged("fake", questions))


async def _grace_cases(server: ServeProcess) -> list[Case]:
    """Return every request for the bundled model with what one client alone is answered."""
    questions = [story.question for story in take("test", GRACE_QUESTIONS, seed=7)]
    chats = [_chat("grace", *played, question) for played in GRACE_PLAYED for question in questions]
    asked = [("chat", "/v1/chat/completions", body) for body in chats]
    found = await _alone(server, [*asked, *_judged("grace", questions)])
    streams = [replace(case, route="stream", body={**case.body, "stream": True}) for case in found[: len(chats)]]
    return found + streams


def _chat(model: str, strategy: str, scorer: str | None, question: str) -> dict[str, Any]:
    chosen = {"scorer": scorer, "time_limit_s": LIMIT_S}
    return {"model": f"{model}/{strategy}", "messages": [{"role": "user", "content": question}], "tts": chosen}


def _judged(model: str, questions: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return requests for verdicts: route, path and body."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for number, question in enumerate(questions):
        guess = str(number % 4)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": guess}]
        asked = [{"type": "predicate", "name": "correct", "instructions": "The answer is right."}]
        found.append(("score", "/v1/score", {"model": model, "question": question, "answer": guess}))
        found.append(("decisions", "/v1/decisions", {"model": model, "input": turns, "questions": asked}))
    return found


async def _alone(server: ServeProcess, alone: Sequence[tuple[str, str, dict[str, Any]]]) -> list[Case]:
    """Return requests with what one client alone is answered."""
    light, cases = Light(server.port), list[Case]()
    for route, path, body in alone:
        status, _, content = await light.ask(path, body)
        assert status == 200, content
        cases.append(Case(route, path, body, part_of(route, content)))
    light.leave()
    await asyncio.sleep(0)
    return cases


def _error_of_stream(content: bytes) -> str:
    """Return the code of the error that a stream ends with, as its status was sent before; empty without one."""
    events = [json.loads(line[6:]) for line in content.split(b"\n") if line.startswith(b"data: {")]
    return next((event["error"]["code"] for event in events if "error" in event), "")


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


async def _load(
    server: ServeProcess, cases: Sequence[Case], number: int, seconds: float, counts: Counts, exact: bool
) -> None:
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
                end, equal = await _ask(light, case, name, exact=exact)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                light.leave()
                counts.ends["lost"] += 1
                continue
            counts.ends[end or "swapped"] += 1
            counts.equal += equal
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


async def _ask(light: Light, case: Case, name: str, *, exact: bool = True) -> tuple[str, bool]:
    """Return "answered", "status N", a stream's error or nothing (another answer), and whether it is as expected."""
    async with asyncio.timeout(ANSWER_S):
        status, named, content = await light.ask(case.path, case.body, name)
    if status != 200:
        return f"status {status}", False
    if case.route == "stream" and (failed := _error_of_stream(content)):
        return f"stream ended by {failed}", False
    equal = part_of(case.route, content) == case.expected
    return "answered" if named == name and (equal or not exact) else "", equal
