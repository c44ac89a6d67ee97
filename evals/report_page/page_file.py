"""The page: one HTML file that works offline, with a content security policy that runs its own scripts alone.

The policy names each script and the style sheet by its hash and allows neither ``eval`` nor any request. Numbers and
texts stand in the file as data, which the scripts show as text. Needs vl-convert-python (extra ``report``), which
brings Vega and Vega-Lite.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from evals.report_page.document import SCHEMA, RunReport
from evals.report_page.pairs import pairs_of
from tts.errors import UnsupportedError
from tts.pool.runs import versions

COMMAND = "tts report"
SCRIPTS = (
    *("dom.js", "store.js", "charts.js", "overview.js", "confidence.js"),
    *("questions.js", "question.js", "pairs.js", "facts.js", "main.js"),
)
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


def check_installed() -> None:
    """Refuse to go on without the library of the charts.

    Raises:
        UnsupportedError: vl-convert-python is not installed.
    """
    try:
        import vl_convert  # noqa: F401
    except ImportError:
        raise UnsupportedError(
            "a report needs vl-convert-python, which is not installed: pip install 'tts-rerank[report]'"
        ) from None


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
    return {"command": COMMAND, **_head(), "pairs": pairs_of(parts), "runs": runs}


@cache
def _head() -> dict[str, Any]:
    version = versions(("tts-rerank",)).get("tts-rerank", "")
    return {"schema": SCHEMA, "version": version, "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def _page(parts: Sequence[RunReport]) -> str:
    summary = {
        **_head(),
        "pairs": pairs_of(parts),
        "runs": [{**part.summary, "places": list(part.places)} for part in parts],
    }
    packed = gzip.compress(_json([part.questions for part in parts]).encode(), 9, mtime=0)
    scripts = [_library(), *(_file(name) for name in SCRIPTS)]
    style = _file("style.css")
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, scripts))}; style-src {_hash(style)}; base-uri 'none'; "
        "form-action 'none'"
    )
    head = (
        f'<!DOCTYPE html>\n<!-- {COMMAND} -->\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Report</title>\n<style>{style}</style>\n</head>\n"
    )
    body = (
        "<body>\n<header></header>\n<main>Loading</main>\n"
        "<noscript><p>This report needs JavaScript, which it runs without any request.</p></noscript>\n"
        f'<script type="application/json" id="summary">{_json(summary)}</script>\n'
        f'<script type="text/plain" id="questions">{base64.b64encode(packed).decode()}</script>\n'
    )
    code = "".join(f"<script>{script}</script>\n" for script in scripts)
    return f"{head}{body}{code}<!--{_file('LICENCE.txt')}-->\n</body>\n</html>\n"


def _json(value: Any) -> str:
    """Return JSON that holds no markup, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    text = resources.files("evals.report_page").joinpath("page", name).read_text(encoding="utf-8")
    return f"\n{text}"


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    check_installed()
    import vl_convert

    code: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    code = code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return f'(() => {{ "use strict";\n{code}\n}})();'  # its names stay its own
