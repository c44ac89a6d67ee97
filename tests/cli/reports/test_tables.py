"""Tables of commands: the same rows on standard output and in a file, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from strategies.catalog import CATALOG
from tests.cli.cases import FAKE, FAST, Tts


def test_compare_writes_the_formats_that_it_prints(tts: Tts, pool: Path, tmp_path: Path) -> None:
    few = ("compare", pool, *FAST, "--strategies", "esc,cges")
    target = tmp_path / "t.csv"
    ran = tts(*few, "--format", "csv", "--table", target)
    assert (ran.status, ran.out) == (0, target.read_text())
    assert ran.err == f"wrote {target}\n"
    rows = {row["strategy"]: row for row in csv.DictReader(io.StringIO(ran.out))}
    assert set(rows) == {"self_consistency", "esc", "cges"} and rows["esc"]["verdict"] == "too few"
    exact = json.loads(tts(*few, "--format", "json").out)
    assert {row["name"]: row["accuracy"] for row in exact["strategies"]} == pytest.approx(
        {name: float(row["accuracy"]) for name, row in rows.items()}
    )
    assert tts(*few, "--format", "markdown").out.startswith("| strategy | frontier | accuracy, % |")
    target = tmp_path / "t.tex"
    assert re.search(r"wrote .*t\.tex\n$", tts(*few, "--table", target).out)
    assert r"self\_consistency & " in target.read_text()


def test_run_reliability_and_strategies_have_formats_too(tts: Tts, pool: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    played = ("run", *FAKE, "task.questions=2", "budget=2", f"out={tmp_path / 'p.sqlite'}")
    ran = tts(*played, "--format", "json", "--table", target)
    assert [row["name"] for row in json.loads(ran.out)["strategies"]][:2] == ["first_sample", "self_consistency"]
    assert target.read_text().startswith("strategy,accuracy,accuracy_low,accuracy_high,samples,tokens,")
    measured = tts("reliability", pool, "--replicates", "10", "--format", "csv").out
    assert measured.startswith("metric,value,value_low,value_high,better\n")
    listed = json.loads(tts("strategies", "--format", "json").out)
    assert [row["strategy"] for row in listed] == list(CATALOG)


def test_a_table_that_cannot_be_written_is_refused_first(tts: Tts, pool: Path, tmp_path: Path) -> None:
    ran = tts("compare", pool, *FAST, "--table", tmp_path / "t.xlsx", "--json", tmp_path / "j.json")
    assert (ran.status, ran.out) == (2, "")
    assert re.fullmatch(r"tts: table .*t\.xlsx must end in \.csv, \.md or \.tex\n", ran.err)
    assert tts("compare", pool, "--format", "html").status == 2
    assert list(tmp_path.iterdir()) == []
