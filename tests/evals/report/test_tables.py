"""Tables: no number is ever cut, and a narrow terminal leaves out what it may."""

from __future__ import annotations

import io

from rich.console import Console

from evals.report.tables import print_table

COLUMNS = ("strategy", "accuracy", "setting")
LINES = [({"strategy": "esc", "accuracy": "0.123456789", "setting": "window=5, " * 6}, None)]


def printed(*, width: int, terminal: bool = False) -> str:
    screen = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    print_table(screen, COLUMNS, LINES, left=("strategy", "setting"), folding=("setting",), spare=("strategy",))
    return screen.file.getvalue()  # type: ignore[attr-defined]


def test_numbers_stay_whole_and_long_cells_fold() -> None:
    text = printed(width=50)
    assert "0.123456789" in text
    assert sum("window" in line for line in text.splitlines()) > 1


def test_lines_run_over_rather_than_cut_a_number() -> None:
    text = printed(width=12)
    assert "0.123456789" in text and "esc" in text, "a file shows every column"


def test_a_narrow_terminal_leaves_out_spare_columns() -> None:
    assert "esc" not in printed(width=36, terminal=True)
    assert "esc" in printed(width=100, terminal=True)
