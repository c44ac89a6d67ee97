"""Each draw records the mean number of rows in flight during its life, and its share of the machine."""

from __future__ import annotations

import pytest

from strategies.vote import Vote
from tests.engines.cases import CountingEngine
from tests.runtime.cache_cases import Notes, play
from tts.engines.base import Meter
from tts.runtime.in_flight import InFlight


@pytest.mark.parametrize(("limit", "rows"), [(8, (1 + 2 * 3 + 2) / 6), (1, 1.0)])
def test_means_and_shares_are_over_the_time_of_the_draw(limit: int, rows: float) -> None:
    now = 0.0
    count = InFlight(limit, clock=lambda: now)
    with count.draw() as one:
        now = 1.0
        with count.draw() as other:
            now = 4.0
        now = 6.0
    assert one.rows == pytest.approx(rows) and other.rows == pytest.approx(min(2, limit))
    assert (one.machine_s, other.machine_s) == (pytest.approx(4.5), pytest.approx(1.5))


def test_time_without_any_draw_is_nobody_s() -> None:
    now = 0.0
    count = InFlight(clock=lambda: now)
    for begun, ended in ((1.0, 2.0), (5.0, 7.0)):
        now = begun
        with count.draw() as life:
            now = ended
        assert life.machine_s == pytest.approx(ended - begun)


def test_a_draw_that_takes_no_time_counts_those_beside_it() -> None:
    count = InFlight(clock=lambda: 0.0)
    with count.draw(), count.draw() as other:
        pass
    assert other.rows == 2.0


def test_tokens_are_counted_while_they_are_drawn() -> None:
    count, one, other = InFlight(), Meter(), Meter()
    with count.draw(one):
        one.drawn = 3
        with count.draw(other), count.draw():
            other.drawn = 5
            assert count.drawn == 8
        one.drawn += 1
        assert count.drawn == 9
    assert count.drawn == 9


def test_live_samples_have_times_in_order() -> None:
    engine = CountingEngine()
    [result] = play(Vote("sc", 3), engine.problems(1), engine, Notes())
    for sample in result.decision.samples:
        assert sample.started_s is not None and sample.first_s is not None and sample.finished_s is not None
        assert sample.started_s <= sample.first_s <= sample.finished_s
        assert sample.in_flight is not None and sample.in_flight >= 1.0
        assert sample.machine_s is not None and sample.machine_s >= 0.0
