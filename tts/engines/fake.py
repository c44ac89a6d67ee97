"""A fake engine for tests and benchmarks: deterministic, token by token, with latency, failures and abort.

Knows no language model. A problem's gold is an integer; a sample is four steps that each may slip, "#### gold + slips"
at the end. What is drawn depends only on (seed, problem, index, prefix), never on timing or on what else is in the
batch. All running requests advance by one token a tick, like continuous batching.
"""

from __future__ import annotations

import asyncio
import random
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.errors import EngineError
from tts.types import End, Problem, Sample, Signals

STEPS = 4
WATCHED = 0
"""The only token with a watched probability: the true P(the sample ends well | the text so far), plus noise."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Time in ticks: ``prefill`` before the first token, then one a token; ``tick`` is its length in seconds."""

    prefill: int = 1
    tick: float = 0.0


@dataclass(slots=True)
class _Row:
    """One running request."""

    script: Iterator[tuple[str, float]]
    meter: Meter
    wait: int
    queue: asyncio.Queue[Chunk | EngineError]
    fail_after: int | None
    interval: int
    held: list[tuple[str, float]]


class FakeEngine:
    """Implements :class:`~tts.engines.base.Engine`; ``drawn``, ``prompt`` and ``scored`` are its own counters."""

    capabilities = Capabilities(watch_tokens=True, score_prefix=True, branch=True)

    def __init__(
        self,
        *,
        seed: int = 0,
        skill: float = 0.9,
        noise: float = 0.05,
        latency: Latency = Latency(),
        stream_interval: int = 1,
        fails: Callable[[Request], bool] = lambda request: False,
    ) -> None:
        """Set up the model and its scheduler; nothing runs until the first request.

        Args:
            seed: decides every sample.
            skill: mean probability that one step does not slip, in (0, 1).
            noise: standard deviation of the watched probability around the truth.
            latency: how long tokens take.
            stream_interval: tokens a chunk.
            fails: requests that break after three tokens.
        """
        self.seed, self.skill, self.noise, self.latency = seed, skill, noise, latency
        self.stream_interval, self.fails = stream_interval, fails
        self.drawn = self.prompt = self.prompt_cached = self.scored = self.running_most = 0
        self._cached: set[str] = set()
        self._rows: list[_Row] = []
        self._ticker: asyncio.Task[None] | None = None

    @staticmethod
    def problems(count: int, *, seed: int = 0) -> list[Problem]:
        """Problems this engine can answer."""
        rng = random.Random(f"{seed}|problems")
        return [
            Problem(f"fake-{i}", f"What is number {i} ?", str(rng.randrange(10, 1000)), "fake") for i in range(count)
        ]

    def step_skill(self, problem: Problem) -> float:
        """P(one step does not slip) on this problem; problems differ."""
        spread = random.Random(f"{self.seed}|{problem.id}").uniform(-0.1, 0.09)
        return min(0.999, max(0.01, self.skill + spread))

    def truth(self, problem: Problem, text: str) -> float:
        """The true P(correct) of a sample whose text so far is ``text``."""
        done = re.findall(r"slip (\d+) \n", text)
        if "####" in text:
            return float(extract(problem, text) == problem.gold)
        return 0.0 if done and done[-1] != "0" else self.step_skill(problem) ** (STEPS - len(done))

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample; see :class:`~tts.engines.base.Engine`."""
        self._prefill(request)
        row = _Row(
            script=self._script(request),
            meter=request.meter,
            wait=self.latency.prefill,
            queue=asyncio.Queue(),
            fail_after=3 if self.fails(request) else None,
            interval=self.stream_interval,
            held=[],
        )
        self._rows.append(row)
        self.running_most = max(self.running_most, len(self._rows))
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.get_running_loop().create_task(self._tick())
        drawn, conf = 0, request.until.value if request.until.kind == "confidence_below" else -1.0
        try:
            while True:
                got = await row.queue.get()
                if isinstance(got, EngineError):
                    raise got
                drawn += len(got.token_ids)
                if got.end is None and (
                    (request.until.kind == "step" and got.text.endswith("\n"))
                    or (request.until.kind == "tokens" and drawn >= request.until.value)
                    or (got.watched[WATCHED] and got.watched[WATCHED][-1] < conf)
                ):
                    got = Chunk(got.text, got.token_ids, got.logprobs, got.watched, End.BOUNDARY)
                yield got
                if got.end is not None:
                    return
        finally:
            if row in self._rows:
                self._rows.remove(row)

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter) -> NDArray[Any]:
        """P(token | prefix): the truth for the watched token, 0 for any other."""
        cost = sum(len(p.problem.question.split()) + len(p.text.split()) for p in prefixes)
        meter.prompt += cost
        self.scored += cost
        await asyncio.sleep(self.latency.tick)
        truth = [self.truth(p.problem, p.text) for p in prefixes]
        return np.array([[t if token == WATCHED else 0.0 for token in tokens] for t in truth])

    def _prefill(self, request: Request) -> None:
        prefix = request.prefix
        cost = len(request.problem.question.split()) + (len(prefix.token_ids) if prefix else 0)
        if request.problem.id in self._cached:
            self.prompt_cached += cost
            request.meter.prompt_cached += cost
        else:
            self._cached.add(request.problem.id)
            self.prompt += cost
            request.meter.prompt += cost

    async def _tick(self) -> None:
        while self._rows:
            await asyncio.sleep(self.latency.tick)
            for row in list(self._rows):
                self._advance(row)

    def _advance(self, row: _Row) -> None:
        if row.wait > 0:
            row.wait -= 1
            return
        if row.fail_after is not None and row.meter.drawn >= row.fail_after:
            row.queue.put_nowait(EngineError("the fake engine was told to fail"))
            self._rows.remove(row)
            return
        row.meter.drawn += 1
        self.drawn += 1
        piece = next(row.script)
        row.held.append(piece)
        last = piece[0].startswith("####")
        if last or piece[0] == "\n" or len(row.held) >= row.interval:
            text = "".join(word if word == "\n" else f"{word} " for word, _ in row.held)
            watched = {WATCHED: tuple(p for _, p in row.held)}
            logprobs = tuple(-0.1 for _ in row.held)
            ids = tuple(1 + hash_word(word) for word, _ in row.held)
            row.queue.put_nowait(Chunk(text, ids, logprobs, watched, End.STOP if last else None))
            row.held = []
        if last:
            self._rows.remove(row)

    def _script(self, request: Request) -> Iterator[tuple[str, float]]:
        """The rest of a sample, piece by piece, each with its watched probability."""
        problem, text = request.problem, request.prefix.text if request.prefix else ""
        rng = random.Random(f"{self.seed}|{problem.id}|{request.index}|{text}")
        skill = self.step_skill(problem)
        lines = text.split("\n")
        slips = int(([0] + [int(s) for s in re.findall(r"slip (\d+) \n", text)])[-1])
        for step in range(len(lines) - 1, STEPS):
            begun = lines[-1].split() if step == len(lines) - 1 else []
            if begun[-2:-1] == ["slip"]:  # the step's outcome is already written
                slips, words = int(begun[-1]), ["\n"]
            else:
                if rng.random() > skill:
                    slips += rng.choice((1, 1, 1, 2, 3))
                words = ["step", str(step), *["so"] * rng.randrange(4), "slip", str(slips), "\n"]
                if begun:
                    words = [str(slips), "\n"] if begun[-1] == "slip" else words[words.index("slip") :]
            for word in words:
                text += word if word == "\n" else f"{word} "
                yield word, self._watched(rng, problem, text)
        answer = f"#### {int(problem.gold or 0) + slips}"
        yield answer, self._watched(rng, problem, f"{text}{answer} ")

    def _watched(self, rng: random.Random, problem: Problem, text: str) -> float:
        return min(1.0, max(0.0, self.truth(problem, text) + rng.gauss(0.0, self.noise)))


def hash_word(word: str) -> int:
    """A stable token id in [0, 2^31)."""
    return zlib.crc32(word.encode()) >> 1


def extract(problem: Problem, text: str) -> str | None:
    """The integer after ``####``, or None."""
    found = re.search(r"#### (-?\d+)", text)
    return found.group(1) if found else None


class WatchedScorer:
    """The in-pass confidence of the fake engine: the watched probability at the sample's last token."""

    def __init__(self) -> None:
        """Watch the confidence token."""
        self.needs = Signals(watch=(WATCHED,))

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> NDArray[np.float64]:
        """P(correct), shape [len(samples)]."""
        return np.array([s.trace.watched[WATCHED][-1] for s in samples], dtype=np.float64)
