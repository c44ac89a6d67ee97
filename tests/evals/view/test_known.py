"""Lists are picked out and put in order by the figures that are known, and left whole without them."""

from __future__ import annotations

import pytest

from evals.view.known import Known, Query
from tests.evals.view.cases import STEPS

KEYS = [10 + place for place in range(12)]
THERE = [*KEYS, 30]
COUNTED = Known().learned(STEPS[0], KEYS)
KNOWN = COUNTED.learned(STEPS[1], [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(), THERE),
        (Query(only="wrong"), [10, 13, 16, 19]),
        (Query("esc", "wrong"), [11, 13, 15, 17, 19, 21]),
        (Query("no such strategy", "unsolved"), [10, 13, 16, 19]),
        (Query("esc", "stopped_early"), [11, 13, 15, 17, 19, 21]),
        (Query("esc", "gained"), [10, 12, 14, 16, 18, 20]),
        (Query(only="disagree"), [10, 11]),
        (Query(only="unread"), [15]),
        (Query(only="not_selected"), []),
        (Query(order="longest"), [*reversed(KEYS), 30]),
        (Query(only="wrong", order="unsure"), [19, 16, 13, 10]),
        (Query(only="no such filter"), THERE),
    ],
)
def test_a_list_has_the_questions_of_its_filter_in_its_order(query: Query, expected: list[int]) -> None:
    assert list(KNOWN.picked(query, THERE)) == expected


def test_without_figures_a_list_is_whole_and_in_order() -> None:
    for query in (Query(only="wrong"), Query(only="unread"), Query(order="longest")):
        assert list(Known().picked(query, THERE)) == THERE
    assert list(COUNTED.picked(Query(only="wrong"), THERE)) == THERE
    assert list(COUNTED.picked(Query(only="unread"), THERE)) == [15]
    assert list(COUNTED.picked(Query(order="unsure"), THERE)) == [*reversed(KEYS), 30]


def test_a_question_that_is_not_there_any_more_is_left_out() -> None:
    gone = Known().learned(STEPS[0], [None, *KEYS[1:]]).learned(STEPS[1], [])
    assert list(gone.picked(Query(only="wrong"), THERE)) == [13, 16, 19]


def test_decisions_are_known_by_key() -> None:
    assert KNOWN.decision(Query(), 10) == {"right": False, "cause": "unsolved"}
    assert KNOWN.decision(Query("esc"), 10) == {"right": True, "cause": "gained"}
    assert KNOWN.decision(Query(), 11) == {"right": True, "cause": None}
    assert KNOWN.decision(Query(), 30) is None and COUNTED.decision(Query(), 10) is None
