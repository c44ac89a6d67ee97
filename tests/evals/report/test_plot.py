"""Plots of comparisons: what is refused, and which strategies stand out; tests of the command line draw them."""

from __future__ import annotations

import pytest

from evals.comparison.paired import Point
from evals.report import plot as plotting
from tts.errors import InputError


def line(*accuracies: float) -> list[Point]:
    return [Point(a, (a - 0.1, a + 0.1), 1.0 + i, (1.0 + i, 1.0 + i), None) for i, a in enumerate(accuracies)]


def test_a_plot_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match=r"plot p\.pdf must end in \.png or \.svg"):
        plotting.check("p.pdf")


def test_strategies_furthest_above_the_reference_are_coloured() -> None:
    lines = {
        "self_consistency": line(0.5, 0.6),
        "low": line(0.4, 0.5),
        "high": line(0.6, 0.9),
        "oracle": line(1.0, 1.0),
    }
    assert plotting._notable(lines) == ["high", "low"]
