"""The charts of a result in a notebook: those of the report's overview, in a frame of their own.

The frame holds its page and needs no request, so that JupyterLab, the classic notebook and VS Code show it offline. It
is sandboxed: its scripts, each named by its hash, reach nothing of the notebook.
"""

from __future__ import annotations

import html as markup
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evals.comparison.fit import REFERENCE
from evals.comparison.session import ComparisonOutcome
from evals.report import comparison
from evals.report.comparison import plain
from evals.report.comparison_table import conclusion
from evals.report.run import ComparedRun
from evals.report.units import options
from evals.report_page.document import without_decisions
from evals.report_page.page_parts import BEFORE, chart_library, html, inline, json_text, part, policy

SCRIPTS = (*BEFORE, "charts.js", "overview.js", "confidence.js", "notebook.js")
"""The scripts, in the order in which they are loaded."""
HEIGHT, ROW = 820, 31
"""Pixels of the frame without its strategies, and of each strategy in the table."""
CAUSES_HEIGHT, CAUSES_ROW = 210, 24
"""Pixels of the chart of causes without its strategies, and of each strategy."""
MOST_HEIGHT = 1700
"""Pixels above which the frame scrolls."""


def comparison_frame(outcome: ComparisonOutcome) -> str:
    """Return the charts of a comparison as an HTML frame; empty where vl-convert-python is not installed."""
    shown = without_decisions(comparison.as_mapping(outcome))
    return _frame(
        {
            "name": Path(outcome.pool["path"]).name,
            "headline": conclusion(outcome.rows, questions=outcome.questions),
            "comparison": shown,
        },
        HEIGHT + CAUSES_HEIGHT + (ROW + CAUSES_ROW) * len(outcome.rows),
    )


def run_frame(rows: Sequence[ComparedRun], *, name: str, questions: int) -> str:
    """Return the charts of a live run as an HTML frame; empty without rows or without vl-convert-python.

    Args:
        rows: as :func:`evals.report.run.compared_rows` returns them.
        name: of the task.
        questions: their number.
    """
    if not rows:
        return ""
    strategies = [
        {
            "name": row.name,
            "source": row.source,
            "params": {},
            **options(row.point),
            "vs_self_consistency": options(row.difference),
            "efficiency": [{"budget": budget, **options(point)} for budget, point in row.efficiency],
        }
        for row in rows
    ]
    shown = {"strategies": strategies, "price": {}}
    headline = conclusion(rows, questions=questions)
    return _frame({"name": name, "headline": headline, "comparison": shown, "live": True}, HEIGHT + ROW * len(rows))


def _frame(summary: Mapping[str, Any], height: int) -> str:
    if find_spec("vl_convert") is None:
        return ""
    whole = {"reference": REFERENCE, "missing": [], "confidence": None, "positions": [], "trees": [], **summary}
    scripts = [chart_library(), *map(part, SCRIPTS)]
    data = f'<script type="application/json" id="summary">{json_text(plain(whole))}</script>\n'
    page = html(
        "tts",
        f"{data}{inline(scripts)}",
        policy=policy(scripts, part("style.css")),
        note="which it runs without any request",
    )
    return (
        f'<iframe title="Charts of {markup.escape(str(whole["name"]))}" sandbox="allow-scripts" '
        f'style="width: 100%; height: {min(height, MOST_HEIGHT)}px; border: 0" '
        f'srcdoc="{markup.escape(page)}"></iframe>\n'
    )
