"""A table of results: columns and rows from which every format is rendered, for a terminal, a paper or a program.

Knows nothing about results. Cells hold plain values: numbers, texts, or an interval as a pair. Formats for people show
them in the units of the headings; formats for programs (CSV, JSON, pandas) hold them as they are, an interval
``KEY_ci`` as ``KEY_low`` and ``KEY_high``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid

from evals.report import formats
from tts.errors import InputError, UnsupportedError
from tts.wording import visible

if TYPE_CHECKING:
    import pandas

FOLD = 20
"""The least width of a column whose cells take several lines."""
SUFFIXES = {".csv": "csv", ".md": "markdown", ".tex": "latex"}
"""The formats of files, by their suffix."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        key: its name in CSV, JSON and pandas.
        label: its heading, with the unit; a line break counts in terminals only.
        show: returns the text of a value that is not None.
        interval: True if its values are pairs (low, high).
        left: True for texts, which are aligned left.
        fold: True if a cell may take several lines.
        long: the heading outside of terminals, if it is another one.
        spare: 0 for a column that a terminal always shows; a narrow one hides the others from 1 upwards.
    """

    key: str
    label: str
    show: Callable[[Any], str] = str
    interval: bool = False
    left: bool = False
    fold: bool = False
    long: str = ""
    spare: int = 0

    @property
    def heading(self) -> str:
        """The label on one line."""
        return self.long or self.label.replace("\n", " ")

    def text(self, row: Mapping[str, Any]) -> str:
        """Return the text of a row's cell; a missing value is a dash."""
        value = row.get(self.key)
        return "-" if value is None else self.show(value)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows, rendered in every format.

    Attributes:
        columns: the columns.
        rows: the values by the keys of the columns; a missing one is None.
        title: the line above it; empty for none.
        styles: the style of each row on a terminal, "" for none; empty for a table without styles.
        breaks: the numbers of the rows below which a terminal leaves a gap.
    """

    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...]
    title: str = ""
    styles: tuple[str, ...] = ()
    breaks: tuple[int, ...] = ()

    @property
    def records(self) -> list[dict[str, Any]]:
        """One mapping a row with plain values; intervals are two columns, a value that is no scalar is its text."""
        return [{key: value for c in self.columns for key, value in _plain(c, row)} for row in self.rows]

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with one row a record.

        Raises:
            UnsupportedError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise UnsupportedError("a data frame needs pandas: pip install pandas") from None
        return pandas.DataFrame(self.records, columns=self._keys)

    def to_csv(self) -> str:
        """Return comma-separated values with a line of headings; a missing value is empty."""
        return formats.csv_text(self._keys, [list(record.values()) for record in self.records])

    def to_json(self) -> str:
        """Return the records as a JSON array."""
        return formats.json_text(self.records)

    def to_markdown(self) -> str:
        """Return a table of GitHub's Markdown."""
        return formats.markdown(*self._texts())

    def to_latex(self) -> str:
        """Return a ``tabular`` environment that needs the package booktabs."""
        return formats.latex(*self._texts())

    def render(self, name: str) -> str:
        """Return the table as text.

        Args:
            name: "markdown", "latex", "csv" or "json".
        """
        written: dict[str, Callable[[], str]] = {
            "markdown": self.to_markdown,
            "latex": self.to_latex,
            "csv": self.to_csv,
            "json": self.to_json,
        }
        return written[name]()

    def print(self, console: Console, *, wide: bool = False) -> None:
        """Print the table; it never cuts a number: where it does not fit, its lines run over.

        Control characters of its texts are shown, not sent; see :func:`tts.wording.visible`.

        A narrow terminal hides spare columns and says which; a file shows them all.

        Args:
            console: the terminal or file.
            wide: show every column.
        """
        room, shown = console.width, list(self.columns)
        need = sum(map(self._width, shown)) + len(shown) - 1
        for column in sorted((c for c in self.columns if c.spare), key=lambda c: c.spare):
            if console.is_terminal and not wide and need > room:
                shown.remove(column)
                need -= self._width(column) + 1
        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, padding=0, title=self.title or None, title_justify="left")
        for column in shown:
            justify: Literal["left", "right"] = "left" if column.left else "right"
            width = self._width(column)
            grid.add_column(column.label, justify=justify, min_width=width, no_wrap=not column.fold, overflow="fold")
        for number, row in enumerate(self.rows):
            style = self.styles[number] if self.styles else ""
            grid.add_row(*(visible(c.text(row)) for c in shown), style=style, end_section=number in self.breaks)
        console.width = max(room, need)
        console.print()
        console.print(grid)
        console.width = room
        if hidden := [column.heading for column in self.columns if column not in shown]:
            count = f"{len(hidden)} column{'s' if len(hidden) > 1 else ''}"
            console.print(f"{count} hidden: --wide shows {', '.join(hidden)}", style="dim")

    def _repr_html_(self) -> str:
        """Return an HTML table, which a notebook shows."""
        return formats.html_text(*self._texts())

    @property
    def _keys(self) -> list[str]:
        return [key for column in self.columns for key in _keys(column)]

    def _texts(self) -> tuple[Sequence[str], Sequence[Sequence[str]], Sequence[bool]]:
        """Return the headings, the cells as text, and True for columns aligned left."""
        headings = [column.heading for column in self.columns]
        cells = [[column.text(row) for column in self.columns] for row in self.rows]
        return headings, cells, [column.left for column in self.columns]

    def _width(self, column: Column) -> int:
        heading = max(map(cell_len, column.label.split("\n")))
        widest = max((cell_len(visible(column.text(row))) for row in self.rows), default=0)
        return max(heading, min(FOLD, widest) if column.fold else widest)


def check_table(path: Path) -> None:
    """Refuse a file whose suffix names no format.

    Raises:
        InputError: naming the suffixes.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"table {path} must end in .csv, .md or .tex")


def file_text(table: Table, path: Path, *, command: str) -> str:
    """Return the table in the format that the file's suffix names; a comment names the command where there are any.

    Args:
        table: the table.
        path: the file.
        command: the command that writes it, such as "tts compare".

    Raises:
        InputError: the suffix names no format.
    """
    check_table(path)
    name = SUFFIXES[path.suffix.lower()]
    mark = {"csv": "", "markdown": f"<!-- {command} -->\n\n", "latex": f"% {command}\n"}
    return mark[name] + table.render(name)


def _keys(column: Column) -> list[str]:
    key = column.key.removesuffix("_ci")
    return [f"{key}_low", f"{key}_high"] if column.interval else [column.key]


def _plain(column: Column, row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    value = row.get(column.key)
    if column.interval:
        return list(zip(_keys(column), (None, None) if value is None else value, strict=True))
    return [(column.key, value if value is None or isinstance(value, str | int | float) else column.show(value))]
