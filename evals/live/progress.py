"""Progress of a live run on standard error: a bar on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

LINE_INTERVAL_S = 5.0
"""Seconds between two plain lines."""
BAR_INTERVAL_S = 0.2
"""Seconds between two updates of a bar."""


def notify(text: str) -> None:
    """Print one line about the run on standard error."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


class Progress:
    """Shows questions done, and what is known of the accuracy so far, the tokens per second and the time left.

    Implements :class:`evals.live.hooks.ProgressListener`.

    Attributes:
        done: questions done by the current strategy.
    """

    def __init__(self, drawn: Callable[[], int], *, terminal: bool | None = None) -> None:
        """Show nothing before the first ``start``.

        Args:
            drawn: returns the tokens drawn so far.
            terminal: whether to draw a bar; None draws one if standard error is a terminal and NO_COLOR is not set.
        """
        self._drawn = drawn
        on = wants_bar() if terminal is None else terminal
        self._bars = _bars() if on else None
        self._label, self._total, self.done, self._right = "", 0, 0, 0.0
        self._graded = True
        self._began = self._printed = self._drawn_at = 0.0
        self._tokens = 0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """Return the display itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the terminal."""
        if self._bars is not None:
            self._bars.stop()

    def start(self, label: str, questions: int) -> None:
        """Start a strategy."""
        self._label, self._total, self.done, self._right = label, questions, 0, 0.0
        self._began = self._printed = self._drawn_at = time.monotonic()
        self._tokens = self._drawn()
        if self._bars is not None:
            self._bars.start()
            self._bar = self._bars.add_task(label, total=questions, facts="")

    def advance(self, right: float | None) -> None:
        """Count one more question."""
        self.done += 1
        self._graded = right is not None
        self._right += right or 0.0
        self.refresh()

    def refresh(self) -> None:
        """Update the display, at most once per interval."""
        now = time.monotonic()
        if self._bars is not None:
            if now - self._drawn_at >= BAR_INTERVAL_S:
                self._drawn_at = now
                self._show()
        elif now - self._printed >= LINE_INTERVAL_S:
            self._printed = now
            notify(f"{self._line()}{self._left(now)}")

    def finish(self) -> None:
        """Show the final state of the strategy."""
        if self._bars is not None:
            self._show()
        else:
            notify(self._line())

    def _line(self) -> str:
        facts = self._facts()
        return f"{self._label}: {self.done} of {self._total} questions" + (f", {facts}" if facts else "")

    def _facts(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        tokens = self._drawn() - self._tokens
        facts = [f"accuracy {self._right / self.done:.3f}"] if self.done and self._graded else []
        if tokens:
            facts.append(f"{tokens / seconds:.0f} tokens/s")
        return ", ".join(facts)

    def _left(self, now: float) -> str:
        """Return the time left at the mean pace so far."""
        if not self.done:
            return ""
        return f", {clock((now - self._began) / self.done * (self._total - self.done))} left"

    def _show(self) -> None:
        if self._bars is not None:
            self._bars.update(self._bar, completed=self.done, facts=self._facts())
            self._bars.refresh()


def clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def wants_bar() -> bool:
    """Return whether standard error is a terminal that takes bars."""
    return sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def screen() -> Console:
    """Return standard error as bars are drawn on it."""
    from rich.console import Console

    return Console(file=sys.stderr, markup=False, emoji=False, highlight=False)


def _bars() -> Bars:
    """Return one bar per strategy, redrawn only on request, so that no thread is needed."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeRemainingColumn(),
        console=screen(),
        auto_refresh=False,
    )
