"""A fake engine for tests and benchmarks: deterministic, token by token, with latency, failures and abort.

Knows no language model. A problem's gold is an integer; a sample is four steps that each may slip, "#### gold + slips"
at the end. Of a request's own sampling it honours the seed and ``max_tokens``. The drawn tokens depend only on (seed,
problem, index, prefix), never on timing, on the boundary or on the other requests. All running requests advance by one
token a tick, like continuous batching; a request that has ended or was closed leaves the batch before the next one.
"""

from __future__ import annotations

import asyncio
import random
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.fake.row import Row
from tts.engines.refusing import refuse_adapter, refuse_reading
from tts.engines.streams import owned
from tts.errors import EngineError, UnsupportedError
from tts.types import Problem, Signals, Trace

STEPS = 4
WATCHED = 0
"""The only token with a watched probability: the true P(the sample ends well | the text so far), plus noise."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Delays: ``prefill`` ticks before the first token, then one tick per token; a tick takes ``tick_s`` seconds."""

    prefill: int = 1
    tick_s: float = 0.0


class FakeEngine:
    """Implements :class:`~tts.engines.base.Engine`; ``drawn``, ``prompt`` and ``scored`` are its own counters."""

    capabilities = Capabilities(
        watch_tokens=True,
        score_prefix=True,
        branch=True,
        continues=True,
        steps=True,
        reads=frozenset({"logprobs", "steps", "watched"}),
    )

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
            latency: the delays of tokens.
            stream_interval: tokens per chunk.
            fails: requests that break after three tokens.
        """
        self.seed, self.skill, self.noise, self.latency = seed, skill, noise, latency
        self.stream_interval, self.fails = stream_interval, fails
        self.drawn = self.prompt = self.prompt_cached = self.scored = self.running_most = 0
        self._cached: set[str] = set()
        self._skills: dict[str, float] = {}
        self._rows: dict[Row, None] = {}  # in order of arrival
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking = False

    def close(self) -> None:
        """Do nothing: the engine holds nothing."""

    @staticmethod
    def problems(count: int, *, seed: int = 0) -> list[Problem]:
        """Return problems that this engine can answer."""
        rng = random.Random(f"{seed}|problems")
        return [
            Problem(f"fake-{i}", f"What is number {i} ?", str(rng.randrange(10, 1000)), "fake") for i in range(count)
        ]

    def step_skill(self, problem: Problem) -> float:
        """Return P(one step does not slip) on this problem; problems differ."""
        known = self._skills.get(problem.id)
        if known is None:
            spread = random.Random(f"{self.seed}|{problem.id}").uniform(-0.1, 0.09)
            known = self._skills[problem.id] = min(0.999, max(0.01, self.skill + spread))
        return known

    def truth(self, problem: Problem, text: str) -> float:
        """Return the true P(correct) of a sample whose text so far is ``text``."""
        done = outcomes(text)
        if "####" in text:
            return float(extract(problem, text) == problem.gold)
        return 0.0 if any(done) else self.step_skill(problem) ** (STEPS - len(done))

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample; see :class:`~tts.engines.base.Engine`.

        Raises:
            UnsupportedError: a boundary at a signal that this engine does not have.
        """
        if request.until.kind in ("group_below", "entropy_above"):
            raise UnsupportedError(
                f"the fake engine has words without distributions and draws until no {request.until.kind.upper()}: "
                "use STEP, TOKENS, CONFIDENCE_BELOW or STEP_BELOW"
            )
        self._prefill(request)
        row = Row(self._script(request), request, self.latency.prefill, self.fails(request))
        self._join(row)
        try:
            while True:
                got = await row.queue.get()
                if isinstance(got, Exception):
                    raise got
                yield got
                if got.end is not None:
                    return
        finally:
            self._rows.pop(row, None)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> NDArray[Any]:
        """Return P(token | prefix): the truth for the watched token, 0 for any other."""
        refuse_adapter(adapter, "engine fake")
        cost = sum(len(p.problem.question.split()) + len((p.text + p.filled()).split()) for p in prefixes)
        meter.prompt += cost
        self.scored += cost
        await asyncio.sleep(self.latency.tick_s)
        truth = [self.truth(p.problem, p.text) for p in prefixes]
        return np.array([[t if token == WATCHED else 0.0 for token in tokens] for t in truth])

    async def read(
        self,
        problem: Problem,
        text: str,
        signals: Signals,
        meter: Meter,
        *,
        token_ids: tuple[int, ...] = (),
        ended: bool = False,
    ) -> Trace:
        """Return the signals of every word of a text; the watched one without noise."""
        refuse_reading(signals, self.capabilities, "engine fake")
        words = re.findall(r"\n|#### \S+|\S+", text)
        cost = len(problem.question.split()) + len(words)
        meter.prompt += cost
        self.scored += cost
        await asyncio.sleep(self.latency.tick_s)
        ends = [match.end() for match in re.finditer(r"\n|#### \S+ ?|\S+ ?", text)]
        truth = tuple(self.truth(problem, text[:end]) for end in ends)
        steps = tuple(word == "\n" for word in words) if signals.steps else ()
        return owned(Trace((-0.1,) * len(words), {token: truth for token in signals.watch}, steps=steps), signals)

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return a stable id for each word."""
        return tuple(hash_word(word) for word in text.split())

    def prefix_ids(self, prefix: Prefix) -> tuple[int, ...]:
        """Return a stable id for each word of a text and its tail."""
        return self.encode(prefix.text + prefix.filled())

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        """Refuse: the fake engine reads no prompt.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "engine.kind=fake has no prompt tokens, which a scorer with its own model reads: use another engine.kind"
        )

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

    def _join(self, row: Row) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # everything in another loop has ended with it
            self._loop, self._rows, self._ticking = loop, {}, False
        self._rows[row] = None
        self.running_most = max(self.running_most, len(self._rows))
        if not self._ticking:
            self._ticking = True
            loop.call_later(self.latency.tick_s, self._tick)

    def _tick(self) -> None:
        for row in list(self._rows):
            self._advance(row)
        self._ticking = bool(self._rows)
        if self._ticking:
            asyncio.get_running_loop().call_later(self.latency.tick_s, self._tick)

    def _advance(self, row: Row) -> None:
        if row.wait > 0:
            row.wait -= 1
            return
        try:
            if row.fails and row.drawn >= 3:
                raise EngineError("the fake engine fails this draw on purpose")
            word, probability = next(row.script)
        except Exception as error:  # a bug too is raised in the call that waits for the sample
            row.queue.put_nowait(error)
            del self._rows[row]
            return
        self.drawn += 1
        row.drawn += 1
        row.request.meter.add_drawn(1)
        row.held.append((word, probability))
        end = row.end(word, probability)
        if end is not None or len(row.held) >= self.stream_interval:
            words, probabilities = zip(*row.held, strict=True)
            ids = tuple(1 + hash_word(w) for w in words)
            steps = tuple([word == "\n" for word in words]) if row.request.signals.steps else ()
            trace = Trace((-0.1,) * len(ids), {WATCHED: probabilities}, steps=steps)
            row.queue.put_nowait(Chunk("".join(map(spelled, words)), ids, trace, end))
            row.held = []
        if end is not None:
            del self._rows[row]

    def _script(self, request: Request) -> Iterator[tuple[str, float]]:
        """Yield the rest of a sample, word by word, each with its watched probability."""
        problem, text = request.problem, request.prefix.text if request.prefix else ""
        seed = self.seed if request.sampling is None or request.sampling.seed is None else request.sampling.seed
        rng = random.Random(f"{seed}|{problem.id}|{request.index}|{text}")
        skill = self.step_skill(problem)
        seen = outcomes(text)  # steps whose outcome is written
        slips = shown = seen[-1] if seen else 0
        written = len(seen)
        begun = text[text.rfind("\n") + 1 :].split()  # only a prefix leaves a step unfinished
        for step in range(text.count("\n"), STEPS):
            if "slip" in begun[:-1]:
                words = ["\n"]
            else:
                if rng.random() > skill:
                    slips += rng.choice((1, 1, 1, 2, 3))
                words = ["step", str(step), *["so"] * rng.randrange(4), "slip", str(slips), "\n"]
                words = words[-2:] if begun[-1:] == ["slip"] else words[min(len(begun), len(words) - 3) :]
            begun = []
            for left, word in enumerate(words, 1 - len(words)):
                if left == -1:  # the word before the end of the line is the outcome
                    shown, written = slips, written + 1
                yield word, self._noisy(rng, 0.0 if shown else skill ** (STEPS - written))
        yield f"#### {int(problem.gold or 0) + slips}", self._noisy(rng, float(slips == 0))

    def _noisy(self, rng: random.Random, truth: float) -> float:
        return min(1.0, max(0.0, truth + rng.gauss(0.0, self.noise)))


def spelled(word: str) -> str:
    """Return a token as text."""
    return word if word == "\n" else f"{word} "


def outcomes(text: str) -> list[int]:
    """Return the error of each step whose outcome is written."""
    return [int(slip) for slip in re.findall(r"slip (\d+) ", text)]


def hash_word(word: str) -> int:
    """Return a stable token id in [0, 2^31)."""
    return zlib.crc32(word.encode()) >> 1


def extract(problem: Problem, text: str) -> str | None:
    """Return the integer after ``####``, or None."""
    found = re.search(r"#### (-?\d+)", text)
    return found.group(1) if found else None
