"""Parameters learned from labelled samples equal their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.learn import gate_for_precision, reservation_value, standardisation


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_the_reservation_value_makes_one_more_draw_worth_its_cost(confidences, cost):
    c = np.array(confidences)
    v = reservation_value(c, cost)
    assert np.maximum(c - v, 0.0).mean() == pytest.approx(cost, abs=1e-9)


def test_the_gate_is_the_lowest_threshold_that_is_precise_enough():
    c = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.4])
    y = np.array([True, True, True, True, False, False])
    assert gate_for_precision(c, y, 0.9) == 0.6
    assert gate_for_precision(c, y, 0.8) == 0.5
    assert gate_for_precision(c, ~y, 0.9) == float("inf")
    tied = gate_for_precision(np.array([0.8, 0.8]), np.array([True, False]), 0.9)
    assert tied == float("inf"), "a tie is accepted whole or not at all"


def test_standardisation_of_a_constant_keeps_a_positive_scale():
    assert standardisation(np.full(5, 0.7)) == {"mean": pytest.approx(0.7), "scale": 1.0}
