"""Numbers and parameters as text: percent, points, p-values, and components with their options."""

from __future__ import annotations

from evals.report import units
from evals.report.units import describe, describe_all
from strategies.stopping import Unanimous


def test_numbers_have_the_same_units_everywhere() -> None:
    assert units.percent_interval((0.8529, 0.95501)) == "[85.3, 95.5]"
    assert units.points_interval((-0.01234, -0.00001)) == "[-1.23, +0.00]"
    assert (units.probability(0.5), units.samples(9.44), units.tokens(1234.5)) == ("0.500", "9.4", "1234")
    assert [units.p_value(p) for p in (0.0, 0.0321, 1.0)] == ["<.001", ".032", "1"]


def test_parameters_are_short_text() -> None:
    assert describe(0.123456) == "0.1235"
    assert describe([1, 2.0]) == "1 | 2"
    assert describe({"name": "beta", "level": 0.95}) == "beta(level=0.95)"
    assert describe((Unanimous(3),)).startswith("unanimous(")
    assert describe_all({"a": 1, "b": 0.5}) == "a=1, b=0.5"
