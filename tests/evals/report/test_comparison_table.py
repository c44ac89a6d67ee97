"""Tables of comparisons: their order, the frontier, and the sentence that they come to."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from evals.comparison.difference import Difference
from evals.comparison.paired import Point
from evals.comparison.regret import Regret
from evals.comparison.session import compare_pool
from evals.comparison.table import ComparisonRow
from evals.config import CompareConfig
from evals.replay.synthetic import synthetic_pool
from evals.report import comparison_table as report
from evals.report.tables import Table
from strategies.catalog import CATALOG


def row(name: str, accuracy: float, samples: float, verdict: str, tokens: float | None = None) -> ComparisonRow:
    ratio = None if tokens is None else tokens / 1000
    difference = Difference(accuracy - 0.9, (-0.1, 0.1), 0.5, 1.0, 9, samples / 16, (0.1, 0.9), ratio, None, verdict)
    point = Point(accuracy, (accuracy - 0.1, accuracy + 0.1), samples, (samples, samples), tokens)
    return ComparisonRow(name, CATALOG[name].source, {}, point, 0.0, difference, (), Regret(0.0, 0.0, None, None))


ROWS = [
    row("oracle", 1.0, 2.0, "better", 90.0),
    row("self_consistency", 0.9, 16.0, "reference", 1000.0),
    row("esc", 0.9, 9.4, "not worse", 380.0),
    row("cges", 0.8, 3.0, "worse", 200.0),
    row("grace_es", 0.79, 5.0, "open", 300.0),
    row("confidence_weighted_voting", 0.91, 16.0, "open", 1000.0),
]


def printed(table: Table, *, width: int = 120, terminal: bool = False) -> str:
    screen = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    table.print(screen)
    return screen.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_own_strategies_come_first_then_the_cheapest_and_controls_last() -> None:
    table = report.comparison_table(ROWS)
    names = [one["strategy"] for one in table.rows]
    assert names == ["confidence_weighted_voting", "cges", "grace_es", "esc", "self_consistency", "oracle"]
    assert table.breaks == (0, 4)
    assert [one["strategy"] for one in table.rows if one["frontier"]] == ["confidence_weighted_voting", "cges", "esc"]
    assert [one.get("saved") for one in table.rows] == pytest.approx([0.0, 0.8, 0.7, 0.62, None, 0.91])


def test_80_columns_show_the_verdict_and_say_what_they_hide() -> None:
    long = [*ROWS, row("confidence_gated_self_consistency", 0.9, 4.0, "open", 300.0)]
    priced = [replace(one, point=replace(one.point, cost=0.00012345)) for one in long]
    assert "cost of" in printed(report.comparison_table(priced), width=80, terminal=True)
    for rows in (long, priced):
        text = printed(report.comparison_table(rows), width=80, terminal=True)
        assert all(len(line) <= 80 for line in text.splitlines())
    assert "not worse" in text and "columns hidden: --wide shows 95 % interval" in text


def test_a_comparison_comes_to_one_sentence() -> None:
    said = report.conclusion(ROWS, questions=100)
    assert said == "cheapest of 4 that is not worse than self_consistency: esc, 9.4 samples, -62 % tokens"
    uncounted = [replace(one, point=replace(one.point, tokens=None)) for one in ROWS]
    assert report.conclusion(uncounted, questions=100).endswith("esc, 9.4 samples, -41 % samples [-90, -10]")
    assert report.conclusion(ROWS[:2], questions=100).startswith("no strategy is shown to be cheaper and not worse")
    assert report.conclusion(ROWS, questions=12).startswith("12 questions are too few")


def test_every_table_shows_every_strategy() -> None:
    config = CompareConfig(budget=3, permutations=4, replicates=20, strategies=["self_consistency", "esc"], tune=True)
    outcome = compare_pool(synthetic_pool(questions=8, samples=4), config)
    assert outcome.questions == 8 and outcome.frontiers
    for table in (
        report.comparison_table(outcome.rows),
        report.regret_table(outcome.rows),
        report.frontiers_table(outcome.frontiers),
        report.catalogue_table([CATALOG["esc"]]),
    ):
        assert "esc" in printed(table) and "esc" in table.to_markdown()
    assert "maj@k" in printed(report.curves_table(outcome.curves, samples=8))
    assert "too few" in printed(report.comparison_table(outcome.rows))
    assert "not worse = above -0.5;" in report.legend(outcome.rows, outcome.settings)
