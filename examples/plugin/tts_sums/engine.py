"""The engine "adder": it adds numbers, and slips at temperatures above 0; its tokens are bytes, without signals."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tts import End, Problem, Signals, Trace, UnsupportedError
from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.config import EngineConfig
from tts.engines.sampling import Sampling
from tts.prompts import Prompt


class Adder:
    """Implements :class:`tts.engines.kinds.LiveEngine`."""

    capabilities = Capabilities()

    def __init__(self, prompt: Prompt, sampling: Sampling) -> None:
        """Take the prompt and the sampling parameters."""
        self.prompt, self.sampling = prompt, sampling

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        """Stream one sample word by word; each token is counted before it is handed out."""
        rng = random.Random(request.key(self.sampling.seed, ""))
        total = sum(map(int, re.findall(r"\d+", request.problem.question)))
        if rng.random() < min(0.4, self.sampling.temperature / 2):
            total += rng.choice((-10, -1, 1, 9))
        text = f"The sum is {total}.\n#### {total}"
        request.meter.prompt += len(self.prompt_ids(request.problem))
        words = re.findall(r"\S+\s*", text[: self.sampling.max_tokens])
        last = End.STOP if len(text) <= self.sampling.max_tokens else End.LENGTH
        for number, word in enumerate(words, 1):
            await asyncio.sleep(0)  # other samples go on, and a decided question aborts this one
            request.meter.drawn += len(word)
            end = last if number == len(words) else None
            yield Chunk(word, self.encode(word), end=end)

    async def score(
        self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, *, adapter: Path | None = None
    ) -> Any:
        """Refuse: the capabilities lack ``score_prefix``."""
        raise UnsupportedError("engine.kind=adder knows no probabilities of tokens: use another engine.kind")

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
        """Refuse: the capabilities name no column in ``reads``."""
        raise UnsupportedError("engine.kind=adder knows no probabilities of tokens: use another engine.kind")

    def encode(self, text: str, *, special: bool = False) -> tuple[int, ...]:
        """Return the bytes of a text."""
        return tuple(text.encode())

    def prefix_ids(self, prefix: Prefix) -> tuple[int, ...]:
        """Return the bytes of a text behind its problem's prompt."""
        return self.encode(prefix.text + prefix.filled())

    def prompt_ids(self, problem: Problem) -> tuple[int, ...]:
        """Return the bytes of a problem's prompt."""
        return self.encode(self.prompt.text(problem))

    def close(self) -> None:
        """Do nothing: the engine holds nothing."""


class AdderKind:
    """Implements :class:`tts.engines.kinds.EngineKind`."""

    def check(self, config: EngineConfig) -> None:
        """Accept every configuration."""

    def folder(self, config: EngineConfig) -> Path | None:
        """Return None: there is no model."""
        return None

    def identity(self, config: EngineConfig) -> tuple[str, str]:
        """Return the name "adder" and the version of its arithmetic."""
        return "adder", "1"

    def key(self, config: EngineConfig) -> Mapping[str, object]:
        """Return nothing: the sampling parameters decide every token."""
        return {}

    def load(self, config: EngineConfig, prompt: Prompt, notify: Callable[[str], None]) -> Adder:
        """Make an adder; an engine that loads a model imports its libraries here."""
        return Adder(prompt, config.sampling)


KIND = AdderKind()
