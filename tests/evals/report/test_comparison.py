"""Reports of comparisons: the same bytes for the same result, parameters as text, every row in every table."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from evals.comparison.curves import curves
from evals.comparison.frontier import frontiers
from evals.comparison.paired import Comparison
from evals.comparison.settings import Settings
from evals.comparison.table import table
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from evals.report import comparison as report
from strategies.catalog import CATALOG
from strategies.stopping import Unanimous

SETTINGS = Settings(budget=3, permutations=4, replicates=20)
METHODS = [CATALOG["self_consistency"], CATALOG["esc"]]


@pytest.fixture(scope="module")
def found():
    arrays = PoolArrays.of(synthetic_pool(questions=8, samples=4))
    comparison = Comparison.of(arrays, SETTINGS, METHODS, fitted=True)
    return table(comparison, METHODS), curves(arrays, 3), frontiers(comparison, METHODS)


def printed(write) -> str:
    screen = Console(file=io.StringIO(), width=120)
    write(screen)
    return screen.file.getvalue()


def test_json_holds_every_row_with_its_difference_sweep_and_curve(found) -> None:
    rows, lines, swept = found
    mapping = report.as_mapping({"path": "p"}, SETTINGS, rows, lines, swept, {"oracle": "left out"})
    text = report.to_json(mapping)
    assert text == report.to_json(mapping) and text.endswith("\n")
    read = json.loads(text)
    assert [row["name"] for row in read["strategies"]] == ["self_consistency", "esc"]
    versus = read["strategies"][1]["vs_self_consistency"]
    assert versus["accuracy_diff"] == pytest.approx(rows[1].difference.accuracy_diff)
    assert versus["verdict"] == rows[1].difference.verdict
    esc, frontier = read["frontier"][-1], swept[-1]
    assert esc["name"] == frontier.name == "esc" and len(esc["sweep"]) == len(frontier.sweep)
    assert "p_value_holm" not in esc["tuned_cheapest"]["vs_self_consistency"]
    assert read["curves"]["maj"]["3"] == pytest.approx(lines["maj"][3])
    assert "frontier" not in report.as_mapping({}, SETTINGS, rows, lines, None, {})


def test_tables_show_every_strategy(found) -> None:
    rows, lines, swept = found
    for write in (
        lambda screen: report.print_rows(screen, rows, SETTINGS),
        lambda screen: report.print_regret(screen, rows),
        lambda screen: report.print_frontiers(screen, swept),
    ):
        assert "esc" in printed(write)
    assert "maj@k" in printed(lambda screen: report.print_curves(screen, lines))
    assert "has a parameter to sweep" in printed(lambda screen: report.print_frontiers(screen, []))
    assert "esc" in printed(lambda screen: report.print_catalogue(screen, METHODS))


def test_parameters_are_short_text() -> None:
    assert report.describe(0.123456) == "0.1235"
    assert report.describe([1, 2.0]) == "1 | 2"
    assert report.describe({"name": "beta", "level": 0.95}) == "beta(level=0.95)"
    assert report.describe((Unanimous(3),)).startswith("unanimous(")
