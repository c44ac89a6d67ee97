"""The phases of a training: the time left counts all coming work, at measured paces or those of similar work."""

from __future__ import annotations

import pytest

from tts.progress.phases import COSTS, Phases, phase, shown_by, tracked


class Recorder:
    """Keeps what a listener receives."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    @property
    def labels(self) -> list[object]:
        """The labels of the phases, in the order of their starts."""
        return [event[1] for event in self.events if event[0] == "start"]

    def start(self, label: str, facts: str, left_s: float | None) -> None:
        self.events.append(("start", label, facts, left_s))

    def advance(self, share: float, facts: str, left_s: float | None) -> None:
        self.events.append(("advance", share, facts, left_s))

    def finish(self, seconds: float) -> None:
        self.events.append(("finish", seconds))


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_counts_what_is_still_to_come_by_the_pace_of_similar_work() -> None:
    clock = Clock()
    phases = Phases(clock=clock)
    phases.expect("learn", 100)
    phases.expect("evaluate", 50)
    assert phases.left_s is None  # nothing was measured yet
    with phases.phase("preparing", "prepare", 10):
        clock.now = 5.0
        phases.advance(5)
        assert phases.left_s == pytest.approx(5 * 1 + 100 * COSTS["learn"][1] + 50)
        clock.now = 10.0
        phases.advance(5)
    with phases.phase("training", "learn", 100):
        clock.now = 30.0
        phases.advance(10)  # 2 seconds a token: measured from now on
        assert phases.left_s == pytest.approx(90 * 2 + 50 * 1)


def test_the_first_evaluation_is_measured_and_the_coming_ones_are_counted() -> None:
    clock, shown = Clock(), Recorder()
    phases = Phases(shown, clock=clock)
    phases.expect("evaluate", 40)
    with phases.phase("training", "learn", 100):
        clock.now = 10.0
        phases.advance(50)
        with phases.phase("evaluating", "evaluate", 20):
            clock.now = 70.0
            phases.advance(20)
        assert phases.left_s == pytest.approx(50 * 0.2 + 20 * 3.0)
        clock.now = 80.0
        phases.advance(50)
        with phases.phase("evaluating", "evaluate", 20):
            clock.now = 140.0
            phases.advance(20)
        assert phases.left_s == 0.0
    assert shown.events[0] == ("start", "training", "", None)
    assert shown.events[-1] == ("finish", 140.0)


def test_a_phase_that_ends_before_its_work_is_full_and_leaves_nothing() -> None:
    shown = Recorder()
    phases = Phases(shown, clock=Clock())
    with phases.phase("loading", "load", 1, facts="tiny"):
        pass
    assert shown.events == [("start", "loading", "tiny", None), ("advance", 1.0, "", 0.0), ("finish", 0.0)]


def test_a_phase_that_fails_is_finished_but_not_full() -> None:
    shown = Recorder()
    phases = Phases(shown, clock=Clock())
    with pytest.raises(ZeroDivisionError), phases.phase("training", "learn", 2):
        raise ZeroDivisionError
    assert [event[0] for event in shown.events] == ["start", "finish"]


def test_writing_is_expected_to_take_as_long_as_loading() -> None:
    clock = Clock()
    phases = Phases(clock=clock)
    phases.expect("write", 1)
    with phases.phase("loading", "load", 1):
        clock.now = 7.0
    assert phases.left_s == pytest.approx(7.0)


def test_work_is_shown_where_a_display_is_and_nowhere_else() -> None:
    recorder = Recorder()
    with shown_by(recorder):
        assert list(tracked("abcd", "reading", "read", 4)) == [*"abcd"]
        with phase("replaying", "replay", 10, facts="2 settings") as advance:
            advance(5)
    with phase("replaying", "replay", 10) as advance:
        advance(5)
    assert list(tracked("ab", "reading", "read", 2)) == [*"ab"]
    assert recorder.labels == ["reading", "replaying"]
    shares = [event[1] for event in recorder.events if event[0] == "advance"]
    assert shares == [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 1.0]
