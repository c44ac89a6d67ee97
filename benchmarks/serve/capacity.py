"""Samples a second that gateway processes carry in front of a scripted upstream that streams 300 tokens a sample.

The figure is samples by the second of the gateway's own processor time, as on a core of its own; the client's and the
upstream's time is measured apart. Two gateways and their client share the cores of a small machine, so that wall time
says little about them: the processor time of a sample with two, against that with one, does.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.serve.process import Light, ServeProcess
from benchmarks.serve.upstream import MODEL, SECONDS, TOKENS, WRITES, UpstreamProcess

BUDGET, FLIGHT, QUESTIONS, ROUNDS = 16, 32, 300, 5
WAYS = {"without log-probabilities": ("signals.logprobs=false",), "with log-probabilities": ()}
EVENTS = {"an event a token": ("engine.openai.extra.stream_interval=1",), "64 tokens an event": ()}
"""Events of one token, as most servers send them, and of 64, as vLLM's server sends them where it is asked to."""


@dataclass(frozen=True)
class Round:
    """A measured round.

    Attributes:
        samples: drawn in it.
        wall_s: its length.
        gateways_s: processor time of each gateway.
        client_s: of the client.
        upstream_s: of the upstream.
    """

    samples: int
    wall_s: float
    gateways_s: tuple[float, ...]
    client_s: float
    upstream_s: float

    @property
    def of_a_core(self) -> float:
        """Samples by the second of a gateway's processor time."""
        return self.samples / sum(self.gateways_s)


def capacity(fraction: float) -> str:
    """Return the row; the full one takes about 8 minutes.

    Args:
        fraction: of the questions of a round; a tenth and less takes two rounds in place of five.
    """
    questions, rounds = max(FLIGHT, round(QUESTIONS * fraction)), ROUNDS if fraction > 0.1 else 2
    rows = [
        f"{questions} questions a round of {BUDGET} samples of {TOKENS} tokens, {FLIGHT} in flight, {rounds} rounds in "
        f"turns, self_consistency; an answer streams for {SECONDS:g} s in {WRITES} parts"
    ]
    rows.append(f"{'':48}{'samples/s of':>14}{'':11}{'ms of a sample':>28}{'cores of':>10}")
    rows.append(f"{'':48}{'a core':>14}{'wall':>11}{'gateway':>10}{'client':>8}{'upstream':>10}{'gateway':>10}")
    for name, signals in WAYS.items():
        for events, more in EVENTS.items():
            print(f"capacity: {name}, {events}", file=sys.stderr)
            measured = asyncio.run(_measured((*signals, *more), questions, rounds))
            for gateways, found in measured.items():
                rows.append(_row(f"{name}, {events}, {gateways}", found))
            ratio = _median(measured[2], "of_a_core") / _median(measured[1], "of_a_core")
            rows.append(f"{'':48}two carry {2 * ratio:.2f} times what one carries, each on a core of its own")
    return "\n".join(rows)


def _median(rounds: Sequence[Round], name: str) -> float:
    return statistics.median(float(getattr(one, name)) for one in rounds)


def _row(name: str, rounds: Sequence[Round]) -> str:
    core, wall = _median(rounds, "of_a_core"), statistics.median(one.samples / one.wall_s for one in rounds)
    client, upstream = (
        statistics.median(getattr(one, part) / one.samples for one in rounds) * 1e3
        for part in ("client_s", "upstream_s")
    )
    used = statistics.median(sum(one.gateways_s) / one.wall_s for one in rounds)
    return f"{name:48}{core:14.0f}{wall:11.0f}{1e3 / core:10.2f}{client:8.2f}{upstream:10.2f}{used:10.2f}"


async def _measured(arguments: Sequence[str], questions: int, rounds: int) -> dict[int, list[Round]]:
    """Return the rounds with one gateway and with two, in turns."""
    with UpstreamProcess() as upstream:
        served = (
            "engine.kind=openai",
            f"engine.model={MODEL}",
            f"engine.openai.urls=[{upstream.url}]",
            "engine.openai.concurrency=4096",
            "task.chat=true",
            "engine.max_tokens=512",
            "strategy=self_consistency",
            f"budget={BUDGET}",
            *arguments,
        )
        with ServeProcess(*served) as first, ServeProcess(*served) as second:
            found: dict[int, list[Round]] = {1: [], 2: []}
            for number in range(-1, rounds):
                for gateways in (1, 2) if number % 2 else (2, 1):
                    one = await _round((first, second)[:gateways], upstream, questions, number)
                    if number >= 0:  # the first one warms up
                        found[gateways].append(one)
            return found


async def _round(gateways: Sequence[ServeProcess], upstream: UpstreamProcess, questions: int, number: int) -> Round:
    """Return one round: every question once, through the gateways in turns."""
    waiting, samples = iter(range(questions)), 0
    served, sent, own = [one.processor_s for one in gateways], upstream.processor_s, time.process_time()
    began = time.perf_counter()

    async def worker(own: int) -> None:
        nonlocal samples
        light = Light(gateways[own % len(gateways)].port)
        for question in waiting:
            body = {"model": MODEL, "messages": [{"role": "user", "content": f"Question {number} {question}?"}]}
            status, _, content = await light.ask("/v1/chat/completions", body)
            assert status == 200 and b'"samples": %d,' % BUDGET in content, content
            samples += BUDGET
        light.leave()

    await asyncio.gather(*(worker(own) for own in range(FLIGHT)))
    wall, client = time.perf_counter() - began, time.process_time() - own
    used = tuple(one.processor_s - before for one, before in zip(gateways, served, strict=True))
    return Round(samples, wall, used, client, upstream.processor_s - sent)
