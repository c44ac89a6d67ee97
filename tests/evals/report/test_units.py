"""Numbers as text: percent, points and p-values."""

from __future__ import annotations

from evals.report import units


def test_numbers_have_the_same_units_everywhere() -> None:
    assert units.percent_interval((0.8529, 0.95501)) == "[85.3, 95.5]"
    assert units.points_interval((-0.01234, -0.00001)) == "[-1.23, +0.00]"
    assert (units.probability(0.5), units.samples(9.44), units.tokens(1234.5)) == ("0.500", "9.4", "1234")
    assert [units.p_value(p) for p in (0.0, 0.0321, 1.0)] == ["<.001", ".032", "1"]
