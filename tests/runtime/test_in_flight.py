"""Each draw records the mean number of draws in flight during its life."""

from __future__ import annotations

import pytest

from strategies.vote import Vote
from tests.engines.cases import CountingEngine
from tests.runtime.cache_cases import Notes, play
from tts.runtime.in_flight import InFlight


def test_the_mean_is_over_the_time_of_the_draw() -> None:
    now = 0.0
    count = InFlight(clock=lambda: now)
    with count.draw() as one:
        now = 1.0
        with count.draw() as other:
            now = 4.0
        now = 6.0
    assert other.mean == pytest.approx(2.0)
    assert one.mean == pytest.approx((1 + 2 * 3 + 2) / 6)


def test_a_draw_that_takes_no_time_counts_those_beside_it() -> None:
    count = InFlight(clock=lambda: 0.0)
    with count.draw(), count.draw() as other:
        pass
    assert other.mean == 2.0


def test_live_samples_have_times_in_order() -> None:
    engine = CountingEngine()
    [result] = play(Vote("sc", 3), engine.problems(1), engine, Notes())
    for sample in result.decision.samples:
        assert sample.started_s is not None and sample.first_s is not None and sample.finished_s is not None
        assert sample.started_s <= sample.first_s <= sample.finished_s
        assert sample.in_flight is not None and sample.in_flight >= 1.0
