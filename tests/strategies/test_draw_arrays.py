"""Facts about draws as arrays: answers numbered by discovery, running totals, streaks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.draw_arrays import DrawArrays, by_discovery, running
from tests.strategies.cases import sizes


@st.composite
def raw_labels(draw):
    """Labels [draws, rows] as a pool numbers them, -1 for unparsed."""
    draws, rows = draw(st.integers(1, 24)), draw(st.integers(1, 4))
    cells = draw(st.lists(st.integers(-1, 4), min_size=draws * rows, max_size=draws * rows))
    return np.array(cells, dtype=np.int16).reshape(draws, rows)


@sizes(quick=50, full=200)
def test_discovery_renumbers_answers_in_order_of_first_appearance(examples):
    @settings(max_examples=examples, deadline=None)
    @given(raw_labels())
    def check(raw):
        labels, names = by_discovery(raw)
        for row in range(raw.shape[1]):
            seen: list[int] = []
            for t in range(len(raw)):
                if raw[t, row] < 0:
                    assert labels[t, row] == -1
                    continue
                if raw[t, row] not in seen:
                    seen.append(raw[t, row])
                assert labels[t, row] == seen.index(raw[t, row])
                assert names[labels[t, row], row] == raw[t, row]

    check()


def test_running_totals_are_numpys():
    values = np.arange(12.0).reshape(4, 3) % 5
    assert (running(np.add, values) == np.add.accumulate(values)).all()
    assert (running(np.maximum, values) == np.maximum.accumulate(values)).all()
    assert running(np.add, values > 1, np.int16).dtype == np.int16


def test_facts_about_one_row_by_hand():
    draws = DrawArrays(
        np.array([[0], [0], [-1], [1], [1]], dtype=np.int16), np.array([[0.2], [0.9], [1.0], [0.3], [0.9]])
    )
    assert draws.streak.ravel().tolist() == [1, 2, 0, 1, 2]
    assert draws.distinct.ravel().tolist() == [1, 1, 1, 2, 2]
    assert draws.best_confidence.ravel().tolist() == [0.2, 0.9, 0.9, 0.9, 0.9]
    assert draws.best_label.ravel().tolist() == [0, 0, 0, 0, 0], "the earliest of the most confident draws"
    assert [votes.ravel().tolist() for votes in draws.votes] == [[1, 2, 2, 2, 2], [0, 0, 0, 1, 2]]


def test_the_mode_probability_is_computed_from_counts_alone():
    draws = DrawArrays(np.array([[0, 0], [1, 0], [0, 1], [2, 1]], dtype=np.int16))
    wide = DrawArrays(np.hstack([draws.labels, draws.labels]))
    assert np.array_equal(wide.mode_probability, np.hstack([draws.mode_probability] * 2))
    assert draws.mode_probability[2, 0] == draws.mode_probability[2, 1], "two against one in either order"
