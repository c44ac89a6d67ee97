"""One vLLM engine for many tests: it starts in half a minute, and it belongs to one event loop."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("vllm.v1", reason="vLLM is not installed here: make test-vllm")

from tts.engines.base import Meter, Request
from tts.engines.hf.engine import TransformersEngine
from tts.engines.sampling import Sampling
from tts.engines.streams import collected
from tts.engines.vllm.engine import VllmEngine
from tts.models.bundled import weights
from tts.prompts import Prompt
from tts.stories.stories import take
from tts.types import Problem, Sample

T = TypeVar("T")
PROBLEMS = [Problem(f"p{i}", story.question, story.answer) for i, story in enumerate(take("test", 100))]


def vllm(model: str, sampling: Sampling, **more: Any) -> VllmEngine:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {"disable_log_stats": False, **more.pop("options", {})}
        return VllmEngine.load(
            weights(model), prompt=Prompt(), sampling=sampling, **{"seeded": True, **more}, options=options
        )


def embedded(model: str, sampling: Sampling) -> TransformersEngine:
    return TransformersEngine.load(weights(model), prompt=Prompt(), sampling=sampling)


@dataclass
class Served:
    """An engine, its event loop, and the meters of all that was asked of it."""

    engine: Any
    runner: asyncio.Runner
    meters: list[Meter] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.runner.run(work)

    async def one(self, problem: Problem, index: int = 0, **more: Any) -> Sample:
        request = Request(problem, index, **more)
        self.meters.append(request.meter)
        return await collected(self.engine, request)

    def draw(self, problem: Problem, index: int = 0, **more: Any) -> Sample:
        return self.run(self.one(problem, index, **more))

    def draws(self, asked: list[tuple[Problem, int]], **more: Any) -> list[Sample]:
        async def work() -> list[Sample]:
            return await asyncio.gather(*(self.one(problem, index, **more) for problem, index in asked))

        return self.run(work())

    def meter(self) -> Meter:
        self.meters.append(Meter())
        return self.meters[-1]

    def spent(self) -> tuple[int, int, int]:
        """Tokens read, found in a cache and drawn, of all meters."""
        return tuple(sum(getattr(m, name) for m in self.meters) for name in ("prompt", "prompt_cached", "drawn"))

    def counted(self) -> tuple[int, int, int]:
        """The same by vLLM."""
        self.run(asyncio.sleep(0.5))  # its loggers are told after the samples are
        found = self.engine.counters
        return found.prompt, found.prompt_cached, found.drawn
