"""Tables on a terminal that never cut a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

FOLD = 20
"""The least width of a column whose cells may take several lines."""


def print_table(
    console: Console,
    columns: Sequence[str],
    lines: Sequence[tuple[Mapping[str, str], str | None]],
    *,
    left: Sequence[str],
    folding: Sequence[str] = (),
    spare: Sequence[str] = (),
    title: str | None = None,
) -> None:
    """Print a table that never cuts a number: where it does not fit, its lines run over.

    Args:
        console: the terminal or file.
        columns: their names; a tab and the text after it are not shown, so that two names may look the same.
        lines: cells by column, and a style.
        left: columns aligned left; the others are numbers.
        folding: columns whose cells may take several lines.
        spare: columns that a narrow terminal (but no file) leaves out, in this order.
        title: the line above the table.
    """

    def width(column: str) -> int:
        if column in folding:
            return max(FOLD, cell_len(column))
        return max(cell_len(text) for text in (column.split("\t")[0], *(cells[column] for cells, _ in lines)))

    room, shown = console.width, list(columns)
    need = sum(map(width, shown)) + len(shown) - 1
    for column in spare:
        if console.is_terminal and need > room and column in shown:
            shown.remove(column)
            need -= width(column) + 1
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, title=title, title_justify="left")
    for column in shown:
        justify: Literal["left", "right"] = "left" if column in left else "right"
        whole = column not in folding
        table.add_column(
            column.split("\t")[0], justify=justify, min_width=width(column), no_wrap=whole, overflow="fold"
        )
    for cells, style in lines:
        table.add_row(*(cells[column] for column in shown), style=style)
    console.width = max(room, need)
    console.print()
    console.print(table)
    console.width = room
