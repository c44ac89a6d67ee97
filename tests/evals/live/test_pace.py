"""The numbers of the progress: rates of this session, recalled questions apart, nothing without evidence."""

from __future__ import annotations

import pytest

from evals.live.hooks import QuestionCost
from evals.live.pace import Pace, Rate, score_interval
from evals.metrics import wilson_interval

FRESH = QuestionCost(samples=4, tokens=400)
RECALLED = QuestionCost(samples=4, recalled=4, tokens=400)


def test_the_interval_is_wilson_s_for_right_and_wrong_answers() -> None:
    for right, n in ((0, 1), (1, 1), (3, 10), (120, 150)):
        assert score_interval(right / n, n) == pytest.approx(wilson_interval(right, n), abs=1e-12)


def test_a_rate_looks_back_over_the_window_and_keeps_what_it_needs() -> None:
    rate = Rate(0.0, 0)
    assert rate.per_second(5.0, 0) is None  # nothing has grown: no rate, and not 0
    for second in range(1, 101):
        rate.see(second, 10 * min(second, 50))
        if second == 60:
            assert rate.per_second(60.0, 500) == 200 / 30  # of the last 30 seconds
    assert rate.per_second(100.0, 500) == 0.0  # it has grown before, and stands still
    assert len(rate._seen) < 40


def test_nothing_is_claimed_before_there_is_evidence() -> None:
    pace = Pace("esc", 10, 4, now=0.0, drawn=7)
    assert pace.accuracy is pace.interval is pace.samples_each is pace.tokens_each is None
    assert pace.tokens_per_s is pace.left_s is pace.mean_tokens_per_s is None
    pace.see(20.0, 7)
    assert pace.tokens_per_s is pace.left_s is None
    pace.see(30.0, 307)
    assert pace.tokens_per_s == 10.0 and pace.left_s is None  # tokens in flight, and no question done


def test_recalled_questions_count_as_done_and_not_in_the_time_left() -> None:
    pace = Pace("sc", 120, 4, now=0.0, drawn=0)
    for _ in range(100):
        pace.advance(1.0, RECALLED)
    pace.see(1.0, 0)
    assert (pace.done, pace.recalled, pace.accuracy, pace.tokens_each) == (100, 100, 1.0, 400.0)
    assert pace.left_s is None
    pace.see(41.0, 400)
    pace.advance(0.0, FRESH)
    assert pace.tokens_per_s == 10.0
    assert pace.left_s == 19 * 400 / 10  # 19 more such questions, at the tokens per second of this session
    assert pace.accuracy == 100 / 101


def test_the_budget_bounds_what_open_questions_can_still_cost() -> None:
    pace = Pace("sc", 10, 4, now=0.0, drawn=0)
    pace.see(10.0, 3600)  # all ten questions are open, nine tenths of their tokens are drawn
    pace.advance(1.0, FRESH)
    assert pace.left_s == pytest.approx(9 * 100 / 360)  # 400 tokens are left, and at least one sample each
    unbounded = Pace("beams", 10, None, now=0.0, drawn=0)
    unbounded.see(10.0, 3600)
    unbounded.advance(1.0, FRESH)
    assert unbounded.left_s == pytest.approx(9 * 3600 / 360)


def test_without_tokens_the_time_left_follows_the_questions() -> None:
    pace = Pace("mean_logprob", 4, None, now=0.0, drawn=0)
    pace.see(10.0, 0)
    pace.advance(None)
    assert pace.left_s == 30.0 and pace.accuracy is None
    for _ in range(3):
        pace.advance(None)
    assert pace.left_s == 0.0


def test_failed_draws_and_truncated_samples_are_counted() -> None:
    pace = Pace("sc", 2, 4, now=0.0, drawn=0)
    pace.advance(0.5, QuestionCost(samples=4, tokens=400, failed=1, truncated=2))
    pace.advance(0.5, QuestionCost(samples=4, recalled=3, tokens=400, failed=1))
    assert (pace.failed, pace.truncated, pace.recalled) == (2, 2, 0)
