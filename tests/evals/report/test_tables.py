"""Tables: terminals never cut a number and say what they hide; every format can be read back."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from evals.report import units
from evals.report.tables import Column, Table, check_table, file_text
from tts.errors import InputError, UnsupportedError

TABLE = Table(
    (
        Column("strategy", "strategy", left=True, spare=1),
        Column("accuracy", "accuracy", str),
        Column("setting", "setting", left=True, fold=True),
    ),
    ({"strategy": "esc", "accuracy": "0.123456789", "setting": "window=5, " * 6},),
)
NAMES = (r"[bold]_x[/y] $\q$ #1 {a}", "*a* | b & c ~50 %^2", '"--wide" <b>`x`</b> -5', "esc", "a\nb\tc", "日本 é")
FILLED = {"accuracy": 0.9108, "diff_ci": (-0.0123, 0.0), "reasons": {"budget": 1}}
NASTY = Table(
    (
        Column("strategy", "strategy", left=True),
        Column("accuracy", "accuracy\n%", units.percent, long="accuracy, %"),
        Column("diff_ci", "95 % interval\nof diff", units.points_interval, interval=True),
        Column("reasons", "stopped by", lambda reasons: " ".join(reasons), left=True),
    ),
    (
        *({**FILLED, "strategy": name} for name in NAMES[:-1]),
        {"strategy": NAMES[-1]},
    ),
)
HEADINGS = ["strategy", "accuracy, %", "95 % interval of diff", "stopped by"]
SHOWN = [" ".join(name.split()) for name in NAMES]


def rows() -> list[list[str]]:
    filled = [[name, "91.1", "[-1.23, +0.00]", "budget"] for name in SHOWN]
    return [HEADINGS, *filled[:-1], [SHOWN[-1], "-", "-", "-"]]


def printed(table: Table, *, width: int, terminal: bool = False, wide: bool = False) -> str:
    screen = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, markup=False)
    table.print(screen, wide=wide)
    return screen.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_numbers_stay_whole_and_long_cells_fold() -> None:
    text = printed(TABLE, width=50)
    assert "0.123456789" in text
    assert sum("window" in line for line in text.splitlines()) > 1


def test_lines_run_over_rather_than_cut_a_number() -> None:
    text = printed(TABLE, width=12)
    assert "0.123456789" in text and "esc" in text, "a file shows every column"


def test_a_narrow_terminal_hides_spare_columns_and_says_which() -> None:
    text = printed(TABLE, width=36, terminal=True)
    assert "esc" not in text and "1 column hidden: --wide shows strategy" in " ".join(text.split())
    for shown in (printed(TABLE, width=100, terminal=True), printed(TABLE, width=36, terminal=True, wide=True)):
        assert "esc" in shown and "hidden" not in shown


def test_markdown_is_read_back() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(NASTY.to_markdown())
    cells = ["".join(c.content for c in t.children or []) for t in tokens if t.type == "inline"]
    assert [cells[i : i + 4] for i in range(0, len(cells), 4)] == rows()


def test_latex_is_read_back() -> None:
    text = NASTY.to_latex()
    body = text[text.index(r"\toprule") + 8 : text.index(r"\bottomrule")].replace(r"\midrule", "")
    lines = re.split(r"\s\\\\\n", body.strip() + "\n")[:-1]
    assert all(not line.strip().startswith(("[", "*")) for line in lines), r"it would be an argument of \\"
    assert [[unescaped(cell) for cell in re.split(r"(?<!\\)&", line)] for line in lines] == rows()
    assert r"\begin{tabular}{lrrl}" in text and "--" not in body


def unescaped(cell: str) -> str:
    names = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">"}
    names |= {"textbar": "|", "textquotedbl": '"', "textasciigrave": "`"}
    text = cell.replace("$-$", "-")
    text = re.sub(r"\\([a-z]+)\{\}|\{\}|\\([{}$&#%_])", lambda m: names[m[1]] if m[1] else m[2] or "", text)
    return text.strip()


def test_csv_and_json_hold_plain_values_with_intervals_in_two_columns() -> None:
    read = list(csv.DictReader(io.StringIO(NASTY.to_csv(), newline="")))
    assert list(read[0]) == ["strategy", "accuracy", "diff_low", "diff_high", "reasons"]
    assert [row["strategy"] for row in read] == list(NAMES)
    assert float(read[0]["accuracy"]) == 0.9108 and float(read[0]["diff_low"]) == -0.0123
    assert list(read[-1].values())[1:] == [""] * 4
    records = json.loads(NASTY.to_json())
    assert records == NASTY.records and records[-1]["accuracy"] is None
    assert json.loads(Table((Column("x", "x"),), ({"x": float("inf")},)).to_json()) == [{"x": "inf"}]


def test_a_notebook_shows_html() -> None:
    cells: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            cells.append(data)

    Reader().feed(NASTY._repr_html_())
    assert [cell for cell in cells if cell.strip()] == [cell for row in rows() for cell in row]


def test_a_data_frame_needs_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UnsupportedError, match="a data frame needs pandas: pip install pandas"):
        NASTY.to_pandas()
    made: list[Any] = []

    class Pandas:
        @staticmethod
        def DataFrame(records: Any, columns: Any) -> None:  # noqa: N802
            made.append((records, columns))

    monkeypatch.setitem(sys.modules, "pandas", Pandas)
    NASTY.to_pandas()
    assert made == [(NASTY.records, ["strategy", "accuracy", "diff_low", "diff_high", "reasons"])]


def test_the_suffix_decides_the_format_of_a_file() -> None:
    texts = [file_text(NASTY, Path(name), command="tts compare") for name in ("a.CSV", "a.md", "a.tex")]
    assert texts == [
        NASTY.to_csv(),
        f"<!-- tts compare -->\n\n{NASTY.to_markdown()}",
        f"% tts compare\n{NASTY.to_latex()}",
    ]
    with pytest.raises(InputError, match=r"table a\.xlsx must end in \.csv, \.md or \.tex"):
        check_table(Path("a.xlsx"))


def test_a_terminal_is_sent_no_control_character_of_a_text() -> None:
    text = "\x1b[31mred\x1b[0m \x00 \x07 \u202egnirts \x9b2J a\r"
    table = Table((Column("answer", "answer", left=True),), ({"answer": text},))
    file = io.StringIO()
    table.print(Console(file=file, width=120, color_system=None, markup=False, emoji=False, highlight=False))
    shown = file.getvalue()
    assert "␛[31mred␛[0m ␀ ␇ ⟨U+202E⟩gnirts ⟨U+009B⟩2J a␍" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert table.records == [{"answer": text}]  # files have it as it is
