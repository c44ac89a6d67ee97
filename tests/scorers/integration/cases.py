"""An engine that draws a tree, and equation 5 by hand."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from tts.engines.base import Capabilities, Chunk, Request
from tts.errors import EngineError
from tts.scorers.base import BaseScorer
from tts.scorers.metered import MeteredEngine
from tts.types import (
    End,
    Problem,
    Sample,
    Signals,
    Trace,
    Usage,
)

ONE = Problem("q", "what is it ?", "7")
SEGMENT, PROMPT = 3, 10


class TreeEngine:
    """A text grows by one digit a segment, the k-th continuation of a text by k; some texts are finished."""

    capabilities = Capabilities(branch=True)

    def __init__(self, finished: Sequence[str] = (), breaks: str = "", mute: str = "") -> None:
        self.finished, self.breaks, self.mute = finished, breaks, mute
        self.requests: list[Request] = []
        self.texts: list[str] = []
        self.forks: Counter[str] = Counter()
        self.open = self.most = 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        prefix = request.prefix
        assert prefix is not None
        digit = str(self.forks[prefix.text])
        self.forks[prefix.text] += 1
        self.requests.append(request)
        self.open += 1
        self.most = max(self.most, self.open)
        request.meter.prompt, request.meter.prompt_cached = 1, PROMPT + len(prefix.token_ids)
        try:
            await asyncio.sleep(0)
            text = prefix.text + digit
            self.texts.append(text)
            request.meter.drawn += SEGMENT
            trace = Trace((-0.5,) * SEGMENT)
            if text == self.breaks:
                raise EngineError("the engine broke")
            if self.breaks:
                await asyncio.Event().wait()
            end = End.STOP if text in self.finished else End.BOUNDARY
            yield Chunk(digit, (7,) * SEGMENT, trace, None if text == self.mute else end)
        finally:
            self.open -= 1


class Table(BaseScorer):
    """A confidence for each text, all different; keeps what it was asked about."""

    name = "table"
    needs = Signals(watch=(3,))

    def __init__(self) -> None:
        self.key = {"of": "texts"}
        self.calls: list[list[Sample]] = []

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        self.calls.append(list(samples))
        return np.array([confidence(sample.text) for sample in samples])


def confidence(text: str) -> float:
    """Any number in [0, 1] that differs from text to text."""
    return (math.sin(sum((i + 1) * ord(letter) for i, letter in enumerate(text))) + 1) / 2


def begun(text: str, index: int = 0, end: End = End.BOUNDARY) -> Sample:
    return Sample(text, end=end, index=index, token_ids=(7,) * len(text), trace=Trace((-0.5,) * len(text)))


def judged(scorer: Any, samples: Sequence[Sample], engine: Any, problem: Problem = ONE) -> tuple[list[float], Usage]:
    metered = MeteredEngine(engine)
    values = asyncio.run(scorer.score(problem, samples, metered))
    assert values.shape == (len(samples),) and values.dtype == np.float64
    return values.tolist(), metered.usage


def equation_5(text: str, partial: bool, *, w: int, left: int, alpha: float, finished: Sequence[str]) -> float:
    """Conf' as the paper writes it, one node at a time."""
    if left == 0 or not partial:
        return confidence(text)
    following = [text + str(d) for d in range(w)]
    future = [equation_5(t, t not in finished, w=w, left=left - 1, alpha=alpha, finished=finished) for t in following]
    return alpha * confidence(text) + (1 - alpha) * sum(future) / w
