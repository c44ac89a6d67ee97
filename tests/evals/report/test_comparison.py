"""Comparisons as JSON: the same bytes for the same result, with every row, sweep and curve."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from evals.comparison.session import compare_pool
from evals.config import CompareConfig
from evals.replay.synthetic import synthetic_pool
from evals.report import comparison as report

CONFIG = CompareConfig(budget=3, permutations=4, replicates=20, strategies=["self_consistency", "esc"], tune=True)


def test_json_holds_every_row_with_its_difference_sweep_and_curve() -> None:
    outcome = compare_pool(synthetic_pool(questions=8, samples=4), CONFIG)
    text = report.to_json(report.as_mapping(outcome))
    assert text == report.to_json(report.as_mapping(outcome)) and text.endswith("\n")
    read = json.loads(text)
    assert [row["name"] for row in read["strategies"]] == ["self_consistency", "esc"]
    versus = read["strategies"][1]["vs_self_consistency"]
    assert versus["accuracy_diff"] == pytest.approx(outcome.rows[1].difference.accuracy_diff)
    assert versus["verdict"] == outcome.rows[1].difference.verdict
    assert outcome.frontiers is not None
    esc, frontier = read["frontier"][-1], outcome.frontiers[-1]
    assert esc["name"] == frontier.name == "esc" and len(esc["sweep"]) == len(frontier.sweep)
    assert "p_value_holm" not in esc["tuned_cheapest"]["vs_self_consistency"]
    assert read["curves"]["maj"]["3"] == pytest.approx(outcome.curves["maj"][3])
    assert "frontier" not in report.as_mapping(replace(outcome, frontiers=None))
