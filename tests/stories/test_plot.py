"""A plot refuses numbers that do not work out, and its story has the facts and their solution."""

from __future__ import annotations

import random

import pytest

from tts.stories.plot import MOST, MOST_WIDE, Impossible, Plot


def test_a_step_adds_its_equation_and_returns_the_result() -> None:
    plot = Plot(random.Random(0))
    assert (plot.plus(3, 4, "w"), plot.minus(9, 4, "w"), plot.times(3, 4, "w"), plot.over(12, 4, "w")) == (7, 5, 12, 3)
    assert [result for _, _, _, result in plot.equations] == [7, 5, 12, 3]
    assert all(unit == plot.thing for _, _, unit, _ in plot.equations)


def test_numbers_that_do_not_work_out_are_impossible() -> None:
    plot = Plot(random.Random(0))
    for step in (lambda: plot.minus(4, 4, "w"), lambda: plot.over(7, 2, "w"), lambda: plot.plus(MOST, 1, "w")):
        with pytest.raises(Impossible):
            step()
    assert Plot(random.Random(0), wide=True).plus(MOST, 1, "w") == MOST + 1
    with pytest.raises(Impossible):
        Plot(random.Random(0), wide=True).plus(MOST_WIDE, 1, "w")


def test_the_story_has_every_fact_before_its_question() -> None:
    plot = Plot(random.Random(1))
    plot.facts, plot.asks = [f"{plot.p} has 3 {plot.thing}.", "Then come 4 more."], "How many are there?"
    plot.plus(3, 4, "the total")
    story = plot.story()
    assert story.question.endswith("How many are there?") and story.answer == "7" and len(story.lines) == 1
    first, second = (story.question.index(fact) for fact in plot.facts)
    assert first < second and {3, 4} <= set(story.numbers)
