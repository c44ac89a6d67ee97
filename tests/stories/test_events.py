"""Events change the number of a plot by the steps that they add."""

from __future__ import annotations

import random

import pytest

from tts.stories.events import begin, end, go_on
from tts.stories.plot import Impossible, Plot


def test_every_event_adds_facts_and_at_most_its_room_of_steps() -> None:
    endings = set()
    for seed in range(300):
        plot = Plot(random.Random(seed))
        try:
            begin(plot)
            before = len(plot.equations)
            assert plot.facts and plot.x > 0 and before <= 2
            go_on(plot, 2)
            assert 1 <= len(plot.equations) - before <= 2
            before, room = len(plot.equations), seed % 3
            end(plot, room)
            assert len(plot.equations) - before == room and plot.asks
            endings.add(room)
        except Impossible:
            continue
    assert endings == {0, 1, 2}


def test_there_is_no_question_of_three_steps() -> None:
    plot = Plot(random.Random(0))
    begin(plot)
    with pytest.raises(Impossible):
        end(plot, 3)
