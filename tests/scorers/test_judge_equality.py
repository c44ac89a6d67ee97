"""The tokens of a judge of answers are counted once, also of a comparison that is cancelled in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tts.engines.base import Chunk, Request
from tts.engines.fake.engine import FakeEngine
from tts.errors import EngineError
from tts.scorers.judges.equality import JudgedEquality
from tts.types import End, Problem, Usage

PROBLEM = Problem("q", "Who painted it?")
RUBRIC = "Is {first} the same as {second}?"


class Judge(FakeEngine):
    """Says after three tokens that answers are equal, or waits, or breaks, where an answer says so."""

    def __init__(self) -> None:
        super().__init__()
        self.spent = 0

    async def sample(self, request: Request) -> AsyncIterator[Chunk]:
        for _ in range(3):
            request.meter.drawn += 1
            self.spent += 1
            await asyncio.sleep(3600 if "wait" in request.problem.question and request.meter.drawn == 2 else 0)
        if "break" in request.problem.question:
            raise EngineError("out of order", again=False)
        yield Chunk("Same: yes", (1, 2, 3), end=End.STOP)


def test_each_comparison_is_charged_when_it_is_made_and_reused_later() -> None:
    async def play() -> None:
        judge = Judge()
        equality, spent = JudgedEquality(judge, rubric=RUBRIC, attempts=2), list[Usage]()
        equal, reused = await equality.compare(PROBLEM, [("a", "b"), ("a", "c")], spent.append)
        assert equal == [True, True] and reused == Usage() and total(spent) == equality.usage.total == judge.spent == 6
        equal, reused = await equality.compare(PROBLEM, [("a", "b"), ("b", "c")], spent.append)
        assert equal == [True, True] and reused.total == 3 and total(spent) == judge.spent == 9
        with pytest.raises(EngineError, match="the judge of equal=judge failed"):
            await equality.compare(PROBLEM, [("a", "break")], spent.append)
        assert total(spent) == equality.usage.total == judge.spent

    asyncio.run(play())


def test_a_cancelled_comparison_is_charged_to_its_question() -> None:
    async def play() -> None:
        judge = Judge()
        equality, spent = JudgedEquality(judge, rubric=RUBRIC, attempts=2), list[Usage]()
        comparing = asyncio.create_task(equality.compare(PROBLEM, [("a", "b"), ("a", "wait")], spent.append))
        while judge.spent < 5:
            await asyncio.sleep(0.001)
        comparing.cancel()
        await asyncio.wait((comparing,))
        assert comparing.cancelled() and total(spent) == equality.usage.total == judge.spent == 5
        _, reused = await equality.compare(PROBLEM, [("a", "b")], spent.append)
        assert reused.total == 3 and judge.spent == 5, "a verdict that was there is kept"

    asyncio.run(play())


def total(spent: list[Usage]) -> int:
    return sum(usage.total for usage in spent)
