"""Progress of a live run on standard error: a table on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from evals.live.hooks import QuestionCost
from evals.live.pace import Pace
from evals.live.progress_rows import plain_line, table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

LINE_INTERVAL_S = 5.0
"""Seconds between two plain lines."""
BAR_INTERVAL_S = 0.2
"""Seconds between two updates of a bar or a table."""


def notify(text: str) -> None:
    """Print one line about the run on standard error."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


class Progress:
    """Shows a row for each strategy: questions done, accuracy so far, cost, tokens per second and the time left.

    Implements :class:`evals.live.hooks.ProgressListener`.
    """

    def __init__(self, drawn: Callable[[], int], *, terminal: bool | None = None) -> None:
        """Show nothing before the first ``start``.

        Args:
            drawn: returns the tokens drawn so far.
            terminal: whether to draw a table; None draws one if standard error is a terminal and NO_COLOR is not set.
        """
        self._drawn = drawn
        on = wants_bar() if terminal is None else terminal
        self._screen = LiveScreen() if on else None
        self._pace = Pace("", 0, None, now=0.0, drawn=0)
        self._shown, self._has_heading = 0.0, False

    def __enter__(self) -> Progress:
        """Return the display itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the terminal."""
        if self._screen is not None:
            self._screen.release()

    @property
    def done(self) -> int:
        """Questions done by the current strategy."""
        return self._pace.done

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        """Start a strategy."""
        self._shown = now = time.monotonic()
        self._pace = Pace(label, questions, budget, now=now, drawn=self._drawn())
        if self._screen is not None:
            self._show(running=True)

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        """Count one more question."""
        self._pace.advance(right, cost)
        self.refresh()

    def refresh(self) -> None:
        """Update the display, at most once per interval."""
        now = time.monotonic()
        if now - self._shown < (LINE_INTERVAL_S if self._screen is None else BAR_INTERVAL_S):
            return
        self._shown = now
        self._pace.see(now, self._drawn())
        self._show(running=True)

    def finish(self) -> None:
        """Show the final state of the strategy."""
        self._pace.see(time.monotonic(), self._drawn())
        self._show(running=False)

    def _show(self, *, running: bool) -> None:
        if self._screen is None:
            notify(plain_line(self._pace, running=running))
            return
        self._screen.show(table(self._pace, self._screen.width, running=running, head=not self._has_heading))
        if not running:
            self._screen.release()
            self._has_heading = True


class LiveScreen:
    """A part of the terminal that is drawn again on request, without a thread, until it is released."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._console = screen()
        self._live: Live | None = None

    @property
    def width(self) -> int:
        """Characters of a line."""
        return self._console.width

    def show(self, lines: RenderableType) -> None:
        """Draw these lines in the place of the last ones."""
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="visible")
            self._live.start()
        self._live.update(lines, refresh=True)

    def release(self) -> None:
        """Leave the last lines where they are."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def wants_bar() -> bool:
    """Return whether standard error is a terminal that takes bars and tables."""
    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return False
    return os.environ.get("TERM", "") not in ("dumb", "unknown")


def screen() -> Console:
    """Return standard error as bars are drawn on it."""
    from rich.console import Console

    return Console(file=sys.stderr, markup=False, emoji=False, highlight=False)
