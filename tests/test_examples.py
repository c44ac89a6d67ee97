"""The example programs run, and the strategies page names the whole catalogue."""

from __future__ import annotations

import runpy
from pathlib import Path

from strategies.catalog import CATALOG

ROOT = Path(__file__).parents[1]


def test_the_own_rule_example_compares_and_runs_live(capsys):
    runpy.run_path(str(ROOT / "examples" / "own_rule.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert "agreed" in out
    assert "live: " in out


def test_the_strategies_page_has_a_row_for_each_strategy():
    page = (ROOT / "docs" / "strategies.md").read_text()
    assert [name for name in CATALOG if f"| `{name}` |" not in page] == []
    assert f"all {len(CATALOG)} with their papers" in (ROOT / "README.md").read_text()


def test_the_results_page_names_every_strategy():
    page = (ROOT / "docs" / "results.md").read_text()
    assert [name for name in CATALOG if f"| {name} |" not in page] == []
