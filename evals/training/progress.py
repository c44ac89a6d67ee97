"""The phases of a training on standard error: a bar each on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from evals.live import progress
from evals.live.progress import BAR_INTERVAL_S, notify, wants_bar
from evals.live.progress_rows import clock

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

LABEL_WIDTH = 10
"""Of the longest label, "evaluating"."""


class TrainingProgress:
    """Shows the phases of a training; implements :class:`~tts.training.phases.PhaseListener`."""

    def __init__(self, *, terminal: bool | None = None) -> None:
        """Show nothing before the first phase.

        Args:
            terminal: whether to draw bars; None draws them if standard error is a terminal and NO_COLOR is not set.
        """
        self._terminal = wants_bar() if terminal is None else terminal
        self._bars: Bars | None = None
        self._open: list[tuple[str, Any]] = []
        self._shown = 0.0

    def __enter__(self) -> TrainingProgress:
        """Return the display itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the terminal."""
        if self._bars is not None:
            self._bars.stop()

    def start(self, label: str, facts: str, left_s: float | None) -> None:
        """Start a phase."""
        task, text = None, _joined(facts, left_s)
        if self._terminal:
            if self._bars is None:
                self._bars = _bars()
                self._bars.start()
            task = self._bars.add_task(label, total=1.0, facts=text)
            self._bars.refresh()
        elif not self._open:
            notify(f"{label}: {text}" if text else label)
        if not self._open:
            self._shown = time.monotonic()
        self._open.append((label, task))

    def advance(self, share: float, facts: str, left_s: float | None) -> None:
        """Update the display, at most once per interval; a bar that is full at once."""
        now = time.monotonic()
        label, task = self._open[-1]
        if now - self._shown < (BAR_INTERVAL_S if self._terminal else progress.LINE_INTERVAL_S):
            if self._bars is not None and share >= 1:
                self._bars.update(task, completed=share)
            return
        self._shown = now
        text = _joined(facts, left_s)
        if self._bars is not None:
            self._bars.update(task, completed=share, facts=text)
            self._bars.refresh()
        else:
            notify(f"{label}: {share:.0%}, {text}" if text else f"{label}: {share:.0%}")

    def finish(self, seconds: float) -> None:
        """Take the bar of an inner phase away; leave that of an outer one, with the time that it took."""
        label, task = self._open.pop()
        if self._bars is None:
            if not self._open and seconds >= progress.LINE_INTERVAL_S:
                notify(f"{label}: took {clock(seconds)}")
        elif self._open:
            self._bars.remove_task(task)
        else:
            self._bars.update(task, facts=f"took {clock(seconds)}")
            self._bars.refresh()
            self._bars.stop()
            self._bars = None


def _joined(facts: str, left_s: float | None) -> str:
    return ", ".join(part for part in (facts, "" if left_s is None else f"{clock(left_s)} left") if part)


def _bars() -> Bars:
    """Return a group of bars, redrawn only on request, so that no thread is needed."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    return Bars(
        TextColumn("{task.description:<%d}" % LABEL_WIDTH, markup=False),  # noqa: UP031
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%", markup=False),
        TextColumn("{task.fields[facts]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=progress.screen(),
        auto_refresh=False,
    )
