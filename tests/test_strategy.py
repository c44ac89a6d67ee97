"""The strategy protocol: a strategy of a user is short, and every strategy of the catalogue fulfils it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from strategies.catalog import CATALOG
from tts.engines.fake.engine import FakeEngine, extract
from tts.errors import UnsupportedError
from tts.requirements import Requirements
from tts.runtime.driver import run_all
from tts.strategy import BaseStrategy, Steps, Strategy
from tts.types import Decision, Draw, Problem


class Shortest(BaseStrategy):
    """One sample decides."""

    name, budget = "shortest", 1

    def run(self, problem: Problem) -> Steps:
        (sample,) = yield Draw()
        return Decision(sample.answer, (sample,), "first")


def play(strategy: Any) -> Any:
    engine = FakeEngine()
    return asyncio.run(run_all(strategy, engine.problems(3), engine, extract=extract))


def test_a_strategy_of_a_user_needs_a_name_a_budget_and_a_generator() -> None:
    assert isinstance(Shortest(), Strategy) and Shortest().requires == Requirements()
    assert [r.decision.reason for r in play(Shortest())] == ["first"] * 3


def test_what_it_requires_is_checked_before_anything_is_drawn() -> None:
    class Picky(Shortest):
        requires = Requirements(confidence=True)

    with pytest.raises(UnsupportedError, match="strategy shortest needs confidences, and there is no scorer"):
        play(Picky())


@pytest.mark.parametrize("name", CATALOG)
def test_every_row_of_the_catalogue_builds_a_strategy(name: str) -> None:
    row = CATALOG[name]
    built = row.build(4, row.example)
    assert isinstance(built, Strategy) and isinstance(built.requires, Requirements)
