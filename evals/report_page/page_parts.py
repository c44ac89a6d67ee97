"""The parts of a page: its scripts and style, its content security policy, and JSON that holds no markup."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from tts.errors import UnsupportedError
from tts.pool.runs import versions

SCHEMA = 1
"""The form of the document, which docs/report.md describes."""
BEFORE = ("dom.js", "store.js")
"""The scripts that every other one needs."""
VIEWS = (
    *("charts.js", "overview.js", "confidence.js"),
    *("questions.js", "shading.js", "tree.js", "question.js", "pairs.js", "facts.js", "main.js"),
)
"""The scripts that show runs; the last one draws the first view."""


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


@cache
def chart_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script, which takes seconds to make.

    Raises:
        UnsupportedError: vl-convert-python is not installed.
    """
    check_installed()
    import vl_convert

    code: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    code = code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return f'(() => {{ "use strict";\n{code}\n}})();'  # its names stay its own


@cache
def part(name: str) -> str:
    """Return the text of a file of the page."""
    text = resources.files("evals.report_page").joinpath("page", name).read_text(encoding="utf-8")
    return f"\n{text}"


def policy(scripts: Sequence[str], style: str, *more: str) -> str:
    """Return the content security policy that runs these scripts alone, each named by its hash.

    Args:
        scripts: their texts.
        style: the text of the style sheet.
        more: further directives, and sources of scripts as "script-src SOURCE".
    """
    sources = [one.removeprefix("script-src ") for one in more if one.startswith("script-src ")]
    others = [one for one in more if not one.startswith("script-src ")]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join((*map(text_hash, scripts), *sources))}",
            f"style-src {text_hash(style)}",
            "base-uri 'none'",
            "form-action 'none'",
            *others,
        )
    )


def text_hash(text: str) -> str:
    """Return the hash of a script or style sheet, as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_text(value: Any) -> str:
    """Return JSON that holds no markup, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


@cache
def made_by() -> dict[str, Any]:
    """Return the form of the document, the version of this package and the time."""
    version = versions(("tts-rerank",)).get("tts-rerank", "")
    return {"schema": SCHEMA, "version": version, "created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")}


def html(command: str, content: str, *, policy: str | None, note: str, before: str = "") -> str:
    """Return a page.

    Args:
        command: the command that makes it.
        content: its data and scripts.
        policy: its content security policy; None where the server sends it.
        note: behind "This report needs JavaScript, ", for browsers without it.
        before: elements between the header and the main part.
    """
    named = "" if policy is None else f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
    return (
        f'<!DOCTYPE html>\n<!-- {command} -->\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{named}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Report</title>\n<style>{part('style.css')}</style>\n</head>\n"
        f"<body>\n<header></header>\n{before}<main>Loading</main>\n"
        f"<noscript><p>This report needs JavaScript, {note}.</p></noscript>\n"
        f"{content}<!--{part('LICENCE.txt')}-->\n</body>\n</html>\n"
    )


def inline(scripts: Sequence[str]) -> str:
    """Return scripts as elements of a page."""
    return "".join(f"<script>{script}</script>\n" for script in scripts)
