"""Draws are counted once however many strategies used them: failed, cut off, unread and right ones."""

from __future__ import annotations

from collections.abc import Sequence

from evals.live.draws import count_draws, joined
from tts.runtime.driver import Result
from tts.types import Decision, End, Problem, Sample

PROBLEM = Problem("q", "?", "1")


def result(*samples: Sample) -> Result:
    numbered = tuple(Sample(answer=s.answer, end=s.end, error=s.error, index=i) for i, s in enumerate(samples))
    return Result(PROBLEM, Decision(None, numbered, "budget"))


def counted(*results: Result) -> tuple[object, ...]:
    found = count_draws(results, lambda problem, sample: sample.answer == problem.gold)
    return (found.draws, found.right, found.failed, found.truncated, found.truncated_right, found.unread)


RIGHT, WRONG, UNREAD = Sample(answer="1"), Sample(answer="2"), Sample()
CUT, CUT_RIGHT = Sample(end=End.LENGTH), Sample(answer="1", end=End.LENGTH)
REFUSED, GONE = Sample(end=End.FAILED, error="refused"), Sample(end=End.FAILED, error="gone")


def draws(*samples: Sample) -> Sequence[Result]:
    return [result(*samples)]


def test_each_draw_counts_once_and_a_partial_sample_never() -> None:
    assert counted(result(RIGHT, WRONG, UNREAD, CUT), result(RIGHT, WRONG)) == (4, 1, 0, 1, 0, 1)
    assert counted(result(CUT_RIGHT, REFUSED, Sample(end=End.BOUNDARY))) == (2, 1, 1, 1, 1, 0)


def test_reasons_of_failures_come_with_their_numbers_the_commonest_first() -> None:
    found = count_draws(draws(GONE, REFUSED, REFUSED), lambda *_: False)
    assert (found.all_failed, [*found.reasons.items()]) == (True, [("refused", 2), ("gone", 1)])
    both = joined([found, count_draws(draws(GONE, RIGHT), lambda *_: True)])
    assert (both.draws, both.failed, both.all_failed, dict(both.reasons)) == (5, 4, False, {"refused": 2, "gone": 2})
    assert found.as_mapping() == {
        "failures": {"draws": 3, "of": 3, "reasons": {"refused": 2, "gone": 1}},
        "truncated": {"samples": 0, "right": 0, "of": 0},
    }
