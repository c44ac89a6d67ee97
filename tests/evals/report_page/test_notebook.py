"""The charts of results in notebooks: a frame that holds the page, or the table where the extra is missing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from evals.comparison.session import compare_pool
from evals.config import RunConfig
from evals.live.run_session import run_strategies
from evals.report.run import run_rows
from evals.report_page import notebook
from tests.cli.cases import FAKE
from tests.evals.report_page.cases import FAST, HARM, POOL, harmful
from tts.api.compare import Comparison
from tts.api.run import Run
from tts.config import load_config


@pytest.fixture(autouse=True)
def small_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of one line in place of that of the charts."""
    monkeypatch.setattr(notebook, "chart_library", lambda: "window.vegaEmbed = null;")


class Frames(HTMLParser):
    """The attributes of the frames of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.frames += [dict(attrs)] if tag == "iframe" else []


def document_of(shown: str) -> tuple[str, dict[str, object]]:
    """Return the page in the only frame, and the numbers that it holds."""
    parser = Frames()
    parser.feed(shown)
    [frame] = parser.frames
    page = frame["srcdoc"] or ""
    assert frame["sandbox"] == "allow-scripts" and re.search(r"height: \d{3,4}px", frame["style"] or "")
    [text] = re.findall(r'<script type="application/json" id="summary">(.*?)</script>', page)
    return page, json.loads(text)


def test_a_comparison_has_the_charts_of_the_report_and_its_table() -> None:
    found = Comparison(compare_pool(POOL, FAST))
    shown = found._repr_html_()
    page, summary = document_of(shown)
    names = [row.name for row in found.outcome.rows]
    assert [row["name"] for row in summary["comparison"]["strategies"]] == names  # type: ignore[index]
    assert summary["headline"] == found.conclusion and "default-src 'none'" in page and "report.views.overview" in page
    assert "<details>" in shown and "<table" in shown.partition("<details>")[2]


def test_a_run_has_a_point_a_strategy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    overrides = ("task.questions=6", "budget=3", "strategies=[self_consistency,esc]", f"out={tmp_path}/run.sqlite")
    config = load_config(RunConfig, [], [*FAKE, *overrides])
    outcome = run_strategies(config)
    found = Run(config, outcome, tuple(run_rows(outcome.played, margin=config.margin, seed=0)))
    _, summary = document_of(found._repr_html_())
    rows = summary["comparison"]["strategies"]  # type: ignore[index]
    assert [row["accuracy"] for row in rows] == pytest.approx([row.accuracy for row in found.rows])
    assert summary["live"] is True and all(len(row["efficiency"]) == 1 for row in rows)
    alone = Run(config, outcome, (replace(found.rows[1], difference=None),))  # self-consistency was not played
    assert alone._repr_html_().count("<table") == 1 and found._repr_html_().count("<iframe") == 1
    monkeypatch.setattr(notebook, "find_spec", lambda _: None)
    assert Run(config, outcome, found.rows)._repr_html_() == found.table._repr_html_()


def test_texts_stay_texts() -> None:
    shown = notebook.comparison_frame(compare_pool(harmful(), FAST))
    page, _ = document_of(shown)
    assert shown.count("<iframe") == 1 and HARM[0] not in shown and HARM[0] not in page
