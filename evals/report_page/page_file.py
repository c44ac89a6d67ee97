"""The page: one HTML file that works offline, with a content security policy that runs its own scripts alone.

The policy names each script and the style sheet by its hash and allows neither ``eval`` nor any request. Numbers and
texts stand in the file as data, which the scripts show as text. Needs vl-convert-python (extra ``report``), which
brings Vega and Vega-Lite.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.report_page.document import RunReport
from evals.report_page.page_parts import (
    BEFORE,
    VIEWS,
    chart_library,
    html,
    inline,
    json_text,
    made_by,
    part,
    policy,
)
from evals.report_page.pairs import pairs_of

COMMAND = "tts report"
SCRIPTS = (*BEFORE, "inline.js", *VIEWS)
"""The scripts, in the order in which they are loaded."""
MAX_BYTES = 5_900_000
"""The size that a page stays under: it shows fewer questions where all of them would not fit."""


@dataclass(frozen=True)
class Page:
    """A page and what it holds.

    Attributes:
        html: the file's text.
        document: the numbers and texts behind it, ready for JSON.
    """

    html: str
    document: dict[str, Any]


def page(reports: Sequence[RunReport], *, max_bytes: int = MAX_BYTES) -> Page:
    """Return the page of one or several pools.

    Where it would be larger than ``max_bytes``, it shows a random part of the questions; all numbers stay those of all.

    Args:
        reports: one a pool.
        max_bytes: of the file.

    Raises:
        UnsupportedError: vl-convert-python is not installed.
    """
    parts = list(reports)
    while True:
        html, document = _page(parts), _document(parts)
        shown = sum(len(part.questions) for part in parts)
        over = len(html.encode()) - max_bytes
        if over <= 0 or shown <= len(parts):
            return Page(html, document)
        packed = len(html.encode()) - len(_page([_fewer(part, 0) for part in parts]).encode())
        share = min(0.95, max(0.0, 1.0 - 1.03 * over / max(1, packed)))
        parts = [_fewer(part, max(1, int(share * len(part.questions)))) for part in parts]


def _fewer(part: RunReport, count: int) -> RunReport:
    """Return the report with a random part of its questions, in their order."""
    chosen = sorted(np.random.default_rng(len(part.questions)).permutation(len(part.questions))[:count].tolist())
    questions, places = [part.questions[i] for i in chosen], tuple(part.places[i] for i in chosen)
    return RunReport(part.summary, questions, places)


def _document(parts: Sequence[RunReport]) -> dict[str, Any]:
    runs = [{**part.summary, "places": list(part.places), "questions": part.questions} for part in parts]
    return {"command": COMMAND, **made_by(), "pairs": pairs_of(parts), "runs": runs}


def _page(parts: Sequence[RunReport]) -> str:
    summary = {
        **made_by(),
        "pairs": pairs_of(parts),
        "runs": [{**part.summary, "places": list(part.places)} for part in parts],
    }
    packed = gzip.compress(json_text([part.questions for part in parts]).encode(), 9, mtime=0)
    scripts = [chart_library(), *map(part, SCRIPTS)]
    data = (
        f'<script type="application/json" id="summary">{json_text(summary)}</script>\n'
        f'<script type="text/plain" id="questions">{base64.b64encode(packed).decode()}</script>\n'
    )
    allowed = policy(scripts, part("style.css"))
    return html(COMMAND, f"{data}{inline(scripts)}", policy=allowed, note="which it runs without any request")
