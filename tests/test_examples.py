"""The example programs run, and the strategies page names the whole catalogue."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from strategies.catalog import CATALOG

ROOT = Path(__file__).parents[1]


def test_the_own_rule_example_compares_and_runs_live(capsys):
    runpy.run_path(str(ROOT / "examples" / "own_rule.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert "agreed" in out
    assert "live: " in out


@pytest.mark.slow
def test_the_mcp_client_solves_and_verifies(capfd, monkeypatch):
    pytest.importorskip("mcp")
    monkeypatch.setattr("sys.argv", ["mcp_client.py", "engine.kind=fake", "engine.model=fake"])
    runpy.run_path(str(ROOT / "examples" / "mcp_client.py"), run_name="__main__")
    out = capfd.readouterr().out
    assert "verify: Tell how likely" in out and "  1 of at most 8 samples" in out
    assert "solve: {'answer': '" in out and "verify: {'answer': '19'" in out


def test_the_winner_of_tool_votes_is_decided_argument_by_argument(capsys, monkeypatch):
    pytest.importorskip("openai")
    monkeypatch.setattr("sys.argv", ["tool_votes.py"])
    runpy.run_path(str(ROOT / "examples" / "tool_votes.py"), run_name="__main__")
    *replies, winner, agreement = capsys.readouterr().out.splitlines()
    assert [line.split(" weather")[0].strip() for line in replies].count("no vote") == 2 and len(replies) == 8
    assert winner.startswith('winner   weather {"city": "Oslo", "days": 3')
    assert agreement.strip() == "agreement: city 83%, days 83%"


@pytest.mark.slow
def test_the_agent_loop_prints_a_line_for_each_agent(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["agent_loop.py", "--stories", "6"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "agent_loop.py"), run_name="__main__")
    assert ended.value.code == 0
    assert [line[:26].strip() for line in capsys.readouterr().out.splitlines()[1:]] == [
        "one answer",
        "verify, escalate",
        "verify, escalate, abstain",
        "16 votes",
    ]


@pytest.mark.slow
def test_texts_of_another_writer_are_refused_then_judged(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["verify_other_model.py", "--stories", "20"])
    runpy.run_path(str(ROOT / "examples" / "verify_other_model.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert "fitted for source 'own draws' and used for 'tiny@" in out and "uncalibrated by read" in out
    assert "mean p_correct" in out


def test_the_strategies_page_has_a_row_for_each_strategy():
    page = (ROOT / "docs" / "strategies.md").read_text()
    assert [name for name in CATALOG if f"| `{name}` |" not in page] == []
    assert f"all {len(CATALOG)} with their papers" in (ROOT / "README.md").read_text()


def test_the_results_page_names_every_strategy():
    page = (ROOT / "docs" / "results.md").read_text()
    assert [name for name in CATALOG if f"| {name} |" not in page] == []
