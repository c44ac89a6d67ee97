"""Progress of a live run: a table on a terminal or in a notebook, otherwise a plain line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from evals.live.hooks import QuestionCost
from evals.live.pace import Pace
from evals.live.progress_rows import plain_line, table
from evals.progress.display import DRAW_INTERVAL_S, LINE_INTERVAL_S, Display, TerminalDisplay, find_display, notify


class Progress:
    """Shows a row for each strategy: questions done, accuracy so far, cost, tokens per second and the time left.

    Implements :class:`evals.live.hooks.ProgressListener`.
    """

    def __init__(self, drawn: Callable[[], int], *, terminal: bool | None = None) -> None:
        """Show nothing before the first ``start``.

        Args:
            drawn: returns the tokens drawn so far.
            terminal: whether to draw a table on standard error; None draws one where a terminal or a notebook takes it.
        """
        self._drawn = drawn
        self._display: Display | None = TerminalDisplay() if terminal else None
        if terminal is None:
            self._display = find_display()
        self._pace = Pace("", 0, None, now=0.0, drawn=0)
        self._shown, self._has_heading = 0.0, False

    def __enter__(self) -> Progress:
        """Return the display itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the terminal."""
        if self._display is not None:
            self._display.release()

    @property
    def done(self) -> int:
        """Questions done by the current strategy."""
        return self._pace.done

    def start(self, label: str, questions: int, budget: int | None = None) -> None:
        """Start a strategy."""
        self._shown = now = time.monotonic()
        self._pace = Pace(label, questions, budget, now=now, drawn=self._drawn())
        if self._display is not None:
            self._show(running=True)

    def advance(self, right: float | None, cost: QuestionCost | None = None) -> None:
        """Count one more question."""
        self._pace.advance(right, cost)
        self.refresh()

    def refresh(self) -> None:
        """Update the display, at most once per interval."""
        now = time.monotonic()
        if now - self._shown < (LINE_INTERVAL_S if self._display is None else DRAW_INTERVAL_S):
            return
        self._shown = now
        self._pace.see(now, self._drawn())
        self._show(running=True)

    def finish(self) -> None:
        """Show the final state of the strategy."""
        self._pace.see(time.monotonic(), self._drawn())
        self._show(running=False)

    def _show(self, *, running: bool) -> None:
        if self._display is None:
            notify(plain_line(self._pace, running=running))
            return
        self._display.show(table(self._pace, self._display.width, running=running, head=not self._has_heading))
        if not running:
            self._display.release()
            self._has_heading = True
