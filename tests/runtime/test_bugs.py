"""A bug anywhere comes out of a run as it is, at once, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from strategies.stopping import Confident
from strategies.vote import Vote
from tests.engines.cases import (
    VOTES,
    PassScorer,
    StallingEngine,
    TurnsEngine,
    calmly,
    said,
)
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine, extract
from tts.engines.replay import ReplayEngine
from tts.runtime.driver import Options, run, run_all
from tts.scorers.controls import ConstantScorer
from tts.strategy import Steps
from tts.types import Draw, Problem, Sample

MANY = FakeEngine.problems(20)
HASTE = Options(concurrency=8, lookahead=2, backoff_s=0.0)


def at(index: int, error: BaseException, problem: str = "fake-3") -> Callable[[Request], None]:
    def does(request: Request) -> None:
        if (request.problem.id, request.index) == (problem, index):
            raise error

    return does


class BrokenScorer(PassScorer):
    async def score(self, problem: Problem, samples: Any, engine: Any) -> Any:
        raise TypeError("the bug")


class BrokenEngine(TurnsEngine):
    async def score(self, *args: Any, **how: Any) -> Any:
        raise TypeError("the bug")


class BrokenStrategy(Vote):
    def run(self, problem: Problem) -> Steps:
        yield Draw(1)
        raise TypeError("the bug")


def broken_problems() -> Iterator[Problem]:
    yield from MANY[:3]
    raise TypeError("the bug")


def broken_extract(problem: Problem, text: str) -> str | None:
    raise TypeError("the bug")


CASES: dict[str, Callable[[], Any]] = {
    "engine": lambda: run_all(
        VOTES["adaptive"], MANY, StallingEngine(at(0, TypeError("the bug"))), extract=said, options=HASTE
    ),
    "one of several": lambda: run_all(
        Vote("sc", 5), MANY, StallingEngine(at(3, TypeError("the bug"))), extract=said, options=HASTE
    ),
    "not a number": lambda: run_all(
        Vote("sc", 2), [Problem("q", "?", "not a number")], FakeEngine(), extract=extract, options=HASTE
    ),
    "scorer": lambda: run_all(
        VOTES["adaptive"], MANY, FakeEngine(), extract=extract, scorer=BrokenScorer(), options=HASTE
    ),
    "engine score": lambda: run_all(
        VOTES["adaptive"], MANY, BrokenEngine("a" * 9, [0] + [99] * 8), extract=said, scorer=PassScorer(), options=HASTE
    ),
    "strategy": lambda: run_all(BrokenStrategy("broken", 4), MANY, FakeEngine(), extract=extract, options=HASTE),
    "problems": lambda: anext(run(Vote("sc", 2), broken_problems(), StallingEngine(), extract=said, options=HASTE)),
    "extract": lambda: run_all(VOTES["adaptive"], MANY, FakeEngine(), extract=broken_extract, options=HASTE),
    "replayed strategy": lambda: run_all(
        BrokenStrategy("broken", 4), MANY, ReplayEngine({p.id: [Sample()] * 4 for p in MANY}), options=HASTE
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bug_comes_out_as_it_is_though_other_draws_never_end(case: str) -> None:
    with pytest.raises((TypeError, ValueError), match=r"the bug|not a number"):
        calmly(CASES[case](), collect=True)


@pytest.mark.parametrize("index", range(1, 4))
def test_a_bug_in_a_draw_ahead_comes_out_even_if_the_strategy_did_not_need_it(index: int) -> None:
    class Late(TurnsEngine):
        async def sample(self, request: Request) -> Any:
            if request.index == index:
                raise TypeError("the bug")
            async for chunk in super().sample(request):
                yield chunk

    strategy = Vote("grace_es", 6, stop=(Confident(tau=0.1),))
    with pytest.raises(TypeError, match="the bug"):
        calmly(
            run_all(
                strategy,
                MANY[:1],
                Late("abcdef", [9] * 6),
                extract=said,
                scorer=ConstantScorer(),
                options=Options(lookahead=3),
            )
        )


@pytest.mark.parametrize("strategy", [VOTES["adaptive"], BrokenStrategy("broken", 4)])
def test_an_error_while_aborting_does_not_hide_the_first_one(strategy: Vote) -> None:
    class Bad(TurnsEngine):
        async def sample(self, request: Request) -> Any:
            try:
                async for chunk in super().sample(request):
                    yield chunk
            except asyncio.CancelledError:
                raise ValueError("a second bug") from None

    engine = Bad("abcdefgh", [3, 99, 99, 99, 99, 99, 99, 99])
    read = said if isinstance(strategy, BrokenStrategy) else broken_extract
    with pytest.raises(TypeError, match="the bug"):
        calmly(run_all(strategy, MANY, engine, extract=read, options=HASTE), collect=True)


def test_an_engine_that_cancels_itself_is_a_bug_and_no_deadlock() -> None:
    for lookahead in (0, 2):
        engine = StallingEngine(at(0, asyncio.CancelledError()))
        with pytest.raises(RuntimeError, match="cancelled a draw by itself"):
            calmly(run_all(VOTES["adaptive"], MANY, engine, extract=said, options=Options(lookahead=lookahead)))
