"""Formats of tables: Markdown, LaTeX, HTML, CSV and JSON, with every special character escaped.

A cell is one line; line breaks and other control characters become spaces.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from tts.wording import escaped

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
_NUMBER = re.compile(r"(?<![\w.])-(?=\d)")
_MINUS = "\0"

Cells = Sequence[Sequence[str]]


def markdown(headings: Sequence[str], cells: Cells, left: Sequence[bool]) -> str:
    """Return a table of GitHub's Markdown.

    Args:
        headings: one a column.
        cells: the texts of each row.
        left: True for columns aligned left; others are aligned right.
    """
    rule = [":---" if one else "---:" for one in left]
    first, *others = [[_in_markdown(text) for text in row] for row in (headings, *cells)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (first, rule, *others))


def latex(headings: Sequence[str], cells: Cells, left: Sequence[bool]) -> str:
    r"""Return a ``tabular`` environment with the rules of booktabs, to be read by ``\input``.

    Args:
        headings: one a column.
        cells: the texts of each row.
        left: True for columns aligned left; others are aligned right.
    """
    lines = [_latex_row(row) for row in (headings, *cells)]
    columns = "".join("l" if one else "r" for one in left)
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}, \usepackage{textcomp}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def html_text(headings: Sequence[str], cells: Cells, left: Sequence[bool]) -> str:
    """Return an HTML table.

    Args:
        headings: one a column.
        cells: the texts of each row.
        left: True for columns aligned left; others are aligned right.
    """

    def row(tag: str, texts: Sequence[str]) -> str:
        styles = ["left" if one else "right" for one in left]
        parts = [
            f'<{tag} style="text-align: {style}">{html.escape(_one_line(text))}</{tag}>'
            for style, text in zip(styles, texts, strict=True)
        ]
        return f"<tr>{''.join(parts)}</tr>\n"

    body = "".join(row("td", texts) for texts in cells)
    return f"<table>\n<thead>\n{row('th', headings)}</thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def csv_text(keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return comma-separated values; None is an empty cell.

    Args:
        keys: the headings.
        rows: the values.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([list(keys), *rows])
    return out.getvalue()


def json_text(records: Sequence[dict[str, Any]]) -> str:
    """Return records as an indented JSON array; a number that JSON lacks is text."""

    def plain(value: Any) -> Any:
        return value if not isinstance(value, float) or abs(value) < float("inf") else str(value)

    read = [{key: plain(value) for key, value in record.items()} for record in records]
    return escaped(json.dumps(read, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())


def _in_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", _one_line(text))


def _in_latex(text: str) -> str:
    """Return text with LaTeX's special characters escaped; a minus before a digit is a minus sign."""
    marked = _NUMBER.sub(_MINUS, _one_line(text))
    return "".join("$-$" if c == _MINUS else _LATEX.get(c, c) for c in marked).replace("--", "-{}-")


def _latex_row(texts: Sequence[str]) -> str:
    row = " & ".join(map(_in_latex, texts))
    guard = "{}" if row.startswith(("[", "*")) else ""  # after the \\ before it, that would be an argument
    return rf"{guard}{row} \\"


def start_of(length: int) -> Callable[[str], str]:
    """Return a function that cuts a text to its first characters."""
    return lambda text: text if len(text) <= length else f"{text[: length - 1]}\u2026"


def end_of(length: int) -> Callable[[str], str]:
    """Return a function that cuts a text to its last characters."""
    return lambda text: text if len(text) <= length else f"\u2026{text[1 - length :]}"
