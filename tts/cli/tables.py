"""Options of commands that end in a table: its format on standard output, and a file of it."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tts.terminal import raw_stream

if TYPE_CHECKING:
    from evals.report.tables import Table


class TableFormat(StrEnum):
    """The formats of standard output."""

    TABLE = "table"
    MARKDOWN = "markdown"
    LATEX = "latex"
    CSV = "csv"
    JSON = "json"


FormatOption = Annotated[
    TableFormat, typer.Option("--format", help="Format of standard output; all but table print the main table alone.")
]
TableOption = Annotated[Path | None, typer.Option(help="Write the main table: .csv, .md or .tex.")]
WideOption = Annotated[bool, typer.Option("--wide", help="Show every column, however narrow the terminal is.")]


def check_table(path: Path | None) -> None:
    """Refuse a table whose suffix names no format, before any work is done.

    Raises:
        InputError: naming the suffixes.
    """
    if path is not None:
        from evals.report.tables import check_table as check

        check(path)


def table_file(table: Table, path: Path, *, command: str) -> AbstractContextManager[None]:
    """Write the table in the format of the file's suffix once the block ends without an error."""
    from evals.report.output import text_file
    from evals.report.tables import file_text

    return text_file(path, file_text(table, path, command=command))


def print_text(text: str) -> None:
    """Print text without wrapping and styles, as it is; on a terminal its control characters are shown."""
    typer.echo(text, nl=False, file=sys.stdout if sys.stdout.isatty() else raw_stream(sys.stdout))
