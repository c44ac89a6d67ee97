"""``tts report``: the page and its JSON, one report a run, and one sentence for bad input."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.config import RunConfig
from evals.live.run_session import run_strategies
from evals.report_page import confidence, page_file, page_parts
from tests.cli.cases import FAKE, FAST, Tts, compared, strict_json
from tts.config import load_config

QUICK = ("permutations=10", "strategies=self_consistency,esc,cges")


@pytest.fixture(autouse=True)
def small_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A library of one line in place of that of the charts."""
    monkeypatch.setattr(page_file, "chart_library", lambda: "window.vegaEmbed = null;")
    monkeypatch.setattr(page_parts, "check_installed", lambda: None)
    monkeypatch.setattr(confidence, "REPLICATES", 20)
    yield


def test_its_numbers_are_those_of_compare(tts: Tts, pool: Path, tmp_path: Path) -> None:
    page, json = tmp_path / "report.html", tmp_path / "report.json"
    ran = tts("report", pool, *QUICK, "-o", page, "--json", json)
    assert (ran.status, ran.err) == (0, "") and ran.out == f"wrote {json}\nwrote {page}\n"
    [run] = strict_json(json)["runs"]
    expected = compared(tts, pool, *QUICK[1:], FAST[0], "replicates=10000")
    assert run["comparison"] == expected
    assert tts("report", pool, *QUICK, "-o", page).status == 0  # its own page is replaced
    page.write_text("<!DOCTYPE html>\n<p>mine</p>")
    refused = tts("report", pool, *QUICK, f"out={page}")
    assert refused.status == 2 and str(page) in refused.err


def test_every_run_of_a_pool_has_its_report_with_the_strategies_of_the_run(tts: Tts, tmp_path: Path) -> None:
    path, json = tmp_path / "runs.sqlite", tmp_path / "report.json"
    for strategies in ("self_consistency,{name: esc, window: 2, label: early}", "first_sample"):
        more = ("engine.seed=3",) if strategies == "first_sample" else ()
        overrides = ("task.questions=6", "budget=4", f"strategies=[{strategies}]", f"out={path}", *more)
        run_strategies(load_config(RunConfig, [], [*FAKE, *overrides]))
    ran = tts("report", path, "-o", tmp_path / "r.html", "--json", json)
    assert ran.status == 0, ran.err
    first, second = strict_json(json)["runs"]
    assert [row["name"] for row in first["comparison"]["strategies"]] == ["self_consistency", "early"]
    assert "run 1" in first["name"] and "run 2" in second["name"]
    assert first["facts"]["runs"][0]["config"]["budget"] == 4
    ran = tts("report", path, "run=1", "-o", tmp_path / "r.html", "--json", json)
    assert len(strict_json(json)["runs"]) == 1 and ran.status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("questions=0",), "questions must be at least 1"),
        (("strategies=nothing",), "nothing"),
        (("budget=99",), "99"),
        (("calibrate=odd",), "odd"),
        (("seed=-1",), "seed must be at least 0"),
    ],
)
def test_bad_input_is_one_sentence(
    tts: Tts, pool: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ran = tts("report", pool, *arguments, "-o", tmp_path / "r.html")
    assert ran.status == 2 and words in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_a_missing_pool_and_a_missing_name_are_told(tts: Tts, pool: Path, tmp_path: Path) -> None:
    assert "no such file" in tts("report", tmp_path / "none.sqlite", "-o", tmp_path / "r.html").err
    assert "--out" in tts("report", pool).err
    assert tts("report", pool, "-o", pool).status == 2
