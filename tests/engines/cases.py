"""Engines that count, stall and break, strategies that mix draws, and a run that notices what was left behind."""

from __future__ import annotations

import asyncio
import gc
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import numpy as np

from strategies.beam import PrunedBeams
from strategies.stopping import Beta, Confident, Unanimous
from strategies.vote import Vote
from strategies.weighting import Linear
from tts.engines.base import Capabilities, Chunk, Meter, Prefix, Request
from tts.engines.fake.engine import FakeEngine, extract
from tts.requirements import Requirements
from tts.runtime.driver import Options, Result, run_all
from tts.scorers.base import BaseScorer
from tts.strategy import Steps
from tts.types import STEP, TOKENS, Decision, Draw, End, Problem, Sample, Usage

T = TypeVar("T")

VOTES: dict[str, Vote] = {
    "self_consistency": Vote("sc", 6),
    "adaptive": Vote("asc", 8, stop=(Beta(),)),
    "windows": Vote("esc", 9, stop=(Unanimous(window=3),)),
    "confident": Vote("grace_es", 7, stop=(Confident(tau=0.8),)),
    "best": Vote("bon", 4, select="best", weighting=Linear()),
}


@dataclass(frozen=True)
class Mixed:
    """Switches boundary and prefix half-way, so that draws in flight become useless."""

    name: str = "mixed"
    budget: int = 9
    requires: ClassVar[Requirements] = Requirements(branching=True)

    def run(self, problem: Problem) -> Steps:
        samples = list((yield Draw(1)))
        partial = yield Draw(2, until=STEP)
        samples += partial
        for beam in partial:
            if beam.end is End.BOUNDARY:
                samples += yield Draw(1, prefix=beam)
        samples += yield Draw(1, until=TOKENS(2))
        samples += yield Draw(2)
        answers = Counter(s.answer for s in samples if s.answer is not None)
        answer = answers.most_common(1)[0][0] if answers else None
        return Decision(answer, tuple(samples), "mixed")


PLAYED: dict[str, Any] = {**VOTES, "mixed": Mixed(), "beams": PrunedBeams(width=3)}


class CountingEngine(FakeEngine):
    """A fake engine that also knows every request, and how many questions were in flight at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[Request] = []
        self.open: Counter[str] = Counter()
        self.questions_most = 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        self.open[request.problem.id] += 1
        self.questions_most = max(self.questions_most, sum(n > 0 for n in self.open.values()))
        try:
            async with aclosing(super().sample(request)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    yield chunk
        finally:
            self.open[request.problem.id] -= 1

    @property
    def first_attempts(self) -> Counter[str]:
        return Counter(r.problem.id for r in self.requests if r.attempt == 0)


class TurnsEngine:
    """One token a sample: draw ``index`` says ``answers[index]`` after ``turns[index]`` turns of the event loop."""

    capabilities = Capabilities(score_prefix=True)

    def __init__(self, answers: Sequence[str | None], turns: Sequence[int] = ()) -> None:
        self.answers, self.turns = answers, turns
        self.finished: list[int] = []

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        await turns(self.turns[request.index] if self.turns else 0)
        request.meter.drawn += 1
        self.finished.append(request.index)
        yield Chunk(self.answers[request.index] or "", (7,), end=End.STOP)

    async def score(self, prefixes: Sequence[Prefix], tokens: Sequence[int], meter: Meter, **_: Any) -> Any:
        return np.full((len(prefixes), len(tokens)), 0.5)


class StallingEngine:
    """Every draw waits for ever unless ``does`` ends it; ``cleaned`` counts aborts that were seen through."""

    capabilities = Capabilities(score_prefix=True, branch=True)

    def __init__(self, does: Callable[[Request], None] = lambda request: None, clean: int = 0) -> None:
        self.does, self.clean = does, clean
        self.opened = self.cleaned = 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        self.opened += 1
        try:
            await turns(2)
            self.does(request)
            await asyncio.Event().wait()
            yield Chunk("", ())
        finally:
            await turns(self.clean + request.index)
            self.cleaned += 1


class PassScorer(BaseScorer):
    """Scores by one pass of the engine a sample, so that judging costs tokens."""

    uses_engine = True

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        return [(await engine.score([Prefix(problem, s.text)], [0]))[0, 0] for s in samples]


def said(problem: Problem, text: str) -> str | None:
    """The whole text is the answer."""
    return text or None


def plain(samples: Iterable[Sample]) -> list[Sample]:
    """Samples without what they cost, which look-ahead may change."""
    return [replace(s, usage=None) for s in samples]


def spent(results: Iterable[Result]) -> Usage:
    """Every token of every question."""
    return sum((r.decision.usage or Usage() for r in results), Usage())


def failing(*indices: int, attempts: int = 99) -> Callable[[Request], bool]:
    """Breaks these draws, on their first attempts only."""
    return lambda request: request.index in indices and request.attempt < attempts


async def turns(count: int) -> None:
    """Let the event loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


def calmly(scenario: Coroutine[Any, Any, T], *, collect: bool = False) -> T:
    """Run to its end, and fail where a task is left over or asyncio had to report a lost error.

    Errors that only reference cycles or tracebacks keep alive are found where ``collect``, which takes its time.
    """
    lost: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        try:
            async with asyncio.timeout(60):  # only reached by a deadlock
                return await scenario
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, left

    try:
        return asyncio.run(watched())
    except BaseException as error:
        seen: BaseException | None = error
        while collect and seen is not None:
            traceback.clear_frames(seen.__traceback__)
            seen = seen.__context__
        raise
    finally:
        if collect:
            gc.collect()
        assert not lost, lost


def play(strategy: Any, problems: Iterable[Problem], engine: Any, **options: Any) -> list[Result]:
    """All results, on a live engine."""
    read = options.pop("extract", extract if isinstance(engine, FakeEngine) else said)
    scorer = options.pop("scorer", None)
    settings = Options(**{"backoff_s": 0.0, **options})
    return calmly(run_all(strategy, problems, engine, extract=read, scorer=scorer, options=settings))
