"""Plots of comparisons: both panels, the horizontal axes, and which strategies stand out."""

from __future__ import annotations

import pytest

from evals.comparison.session import compare_pool
from evals.config import CompareConfig, PriceConfig
from evals.replay.synthetic import synthetic_pool
from evals.report import plot as plotting
from tts.errors import InputError

NAMES = ["self_consistency", "esc", "cges", "confidence_weighted_voting", "first_sample", "oracle"]
CONFIG = CompareConfig(budget=4, permutations=4, replicates=20, strategies=NAMES, price=PriceConfig(generated=2.0))


@pytest.fixture(scope="module")
def rows():
    return compare_pool(synthetic_pool(questions=12, samples=4), CONFIG).rows


def test_accuracy_stands_beside_the_paired_difference_and_lines_have_names(rows) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    before = matplotlib.rcParams["backend"]
    figure = plotting.plot("a $title", rows, None, x="cost")
    assert matplotlib.rcParams["backend"] == before
    left, right = figure.axes
    assert (left.get_ylabel()[:8], right.get_ylabel()[:17]) == ("accuracy", "paired difference")
    assert left.get_xlabel() == "mean cost of 1,000 questions (log scale)"
    shown = {text.get_text() for text in left.texts}
    assert shown == {"self_consistency", "esc", "cges", "confidence_weighted_voting", "first_sample"}


def test_own_strategies_stand_out(rows) -> None:
    lines = plotting._lines(rows, None, "tokens")
    assert "oracle" not in lines
    assert plotting._strong(rows, lines, "tokens")[:2] == ["self_consistency", "confidence_weighted_voting"]


def test_an_axis_without_numbers_is_refused() -> None:
    config = CompareConfig(budget=2, permutations=2, replicates=5, strategies=["esc"])
    rows = compare_pool(synthetic_pool(questions=4, samples=2), config).rows
    with pytest.raises(InputError, match=r"a plot against cost needs prices: give price\.generated"):
        plotting.check_axis(rows, "cost")
