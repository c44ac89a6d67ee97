"""The places where progress is shown: a part of the terminal, an output of a notebook, or lines on standard error."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from tts.terminal import open_console
from tts.wording import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

LINE_INTERVAL_S = 5.0
"""Seconds between two plain lines."""
DRAW_INTERVAL_S = 0.2
"""Seconds between two drawings."""
NOTEBOOK_WIDTH = 100
"""Characters of a line in a notebook."""


class Display(Protocol):
    """A place for some lines that are drawn again and again."""

    @property
    def width(self) -> int:
        """Characters of a line."""
        ...

    def show(self, lines: RenderableType) -> None:
        """Draw these lines in the place of the last ones."""
        ...

    def release(self, *, keep: bool = True) -> None:
        """Leave the last lines where they are, or take them away; the next ones are drawn below."""
        ...


def notify(text: str) -> None:
    """Print one line on standard error."""
    if sys.stderr is not None:
        print(visible(text), file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def find_display() -> Display | None:
    """Return the display of this process: a notebook's, or the terminal's; None where lines must do."""
    if in_notebook():
        return NotebookDisplay()
    return TerminalDisplay() if is_terminal() else None


def is_terminal() -> bool:
    """Return whether standard error is a terminal that takes bars and tables, and NO_COLOR is not set."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("TERM", "") not in ("dumb", "unknown")


def in_notebook() -> bool:
    """Return whether a notebook runs this code."""
    shell = sys.modules.get("IPython")
    found = None if shell is None else shell.get_ipython()
    return found is not None and type(found).__name__ == "ZMQInteractiveShell"


class TerminalDisplay:
    """A part of the terminal that is drawn on request, without a thread; implements :class:`Display`."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._console = open_console(sys.stderr)
        self._live: Live | None = None

    @property
    def width(self) -> int:
        """Characters of a line."""
        return self._console.width

    def show(self, lines: RenderableType) -> None:
        """Draw these lines in the place of the last ones."""
        from rich.live import Live

        if self._live is None:
            self._live = Live(
                console=self._console, auto_refresh=False, vertical_overflow="visible", redirect_stdout=False
            )
            self._live.start()
        self._live.update(lines, refresh=True)

    def release(self, *, keep: bool = True) -> None:
        """Leave the last lines where they are, or take them away."""
        if self._live is not None:
            self._live.transient = not keep
            self._live.stop()
            self._live = None


class NotebookDisplay:
    """An output of a notebook's cell that is replaced on request; implements :class:`Display`."""

    width = NOTEBOOK_WIDTH

    def __init__(self) -> None:
        """Show nothing yet."""
        self._handle: Any = None

    def show(self, lines: RenderableType) -> None:
        """Show these lines in the place of the last ones."""
        self._show(_bundle(lines))

    def release(self, *, keep: bool = True) -> None:
        """Leave the last lines where they are, or take them away."""
        if self._handle is not None and not keep:
            self._show({"text/plain": "", "text/html": ""})
        self._handle = None

    def _show(self, bundle: dict[str, str]) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _bundle(lines: RenderableType) -> dict[str, str]:
    """Return lines as a notebook's output."""
    console = _recorder()
    console.print(lines)
    html = console.export_html(inline_styles=True, code_format="<pre>{code}</pre>", clear=False)
    return {"text/plain": console.export_text(), "text/html": html}


def _recorder() -> Console:
    from io import StringIO

    return open_console(StringIO(), width=NOTEBOOK_WIDTH, record=True, force_terminal=True, force_jupyter=False)
