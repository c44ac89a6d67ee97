"""A streamed sample has the signals of its tokens up to its end, and nothing of what came after."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tts.engines.streaming import StreamedSample, requested_ids
from tts.types import END, STEP, TOKENS, Boundary, End, Signals

STOP, LINE_END = 0, 1


def sample(signals: Signals, until: Boundary = END, **more: Any) -> StreamedSample[int]:
    return StreamedSample(until, signals, {STOP}, 10, lambda token: token == LINE_END, **more)


def test_a_drawn_token_s_probability_needs_the_suppressed_ones() -> None:
    assert requested_ids(Signals(), (7,)) == ()
    assert requested_ids(Signals(logprobs=True), (7, 8)) == (7, 8)
    assert requested_ids(Signals(watch=(3, 7)), (7, 8)) == (3, 7, 8)
    assert requested_ids(Signals(watch=(3,)), ()) == (3,)


def test_tokens_after_the_end_are_no_part_of_the_sample() -> None:
    made = sample(Signals())
    assert made.take([(5, {}), (STOP, {}), (6, {})]) is End.STOP
    assert made.tokens == [5, STOP] and made.content(End.STOP) == [5]
    paused = sample(Signals(steps=True), STEP)
    assert paused.take([(5, {})]) is None
    assert paused.take([(LINE_END, {}), (6, {})]) is End.BOUNDARY
    assert paused.content(End.BOUNDARY) == [5, LINE_END]
    assert paused.trace.steps == (False, True)
    assert sample(Signals(), TOKENS(2)).take([(5, {}), (6, {}), (7, {})]) is End.BOUNDARY


def test_log_probabilities_are_among_the_tokens_that_can_be_drawn() -> None:
    made = sample(Signals(watch=(9,), logprobs=True), suppressed=(9,))
    made.take([(5, {5: math.log(0.3), 9: math.log(0.4)})])
    assert made.trace.logprobs == pytest.approx((math.log(0.3 / 0.6),))
    assert made.trace.watched[9] == pytest.approx((0.4,))
    certain = sample(Signals(logprobs=True), suppressed=(9,))
    certain.take([(5, {5: 0.0, 9: 0.0})])
    assert math.isfinite(certain.trace.logprobs[0]) and certain.trace.logprobs[0] <= 0


def test_top_k_confidence_is_the_mean_negative_log_probability() -> None:
    made = sample(Signals(top=2))
    made.take([(5, {5: -1.0, 6: -3.0, 7: -9.0}), (6, {5: -2.0, 6: -4.0})])
    assert made.trace.top == (2.0, 3.0) and made.sums == [0.0, 2.0, 5.0]


def test_a_trace_has_only_the_signals_that_came() -> None:
    made = sample(Signals(watch=(9,)))
    empty = made.trace
    assert empty.watched[9] == () and empty.logprobs == () and empty.probe is None and tuple(made.entropy) == ()
    made.probe = 0.25
    assert made.trace.probe == 0.25
