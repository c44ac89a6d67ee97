"""Phases of work as bars on a terminal or in a notebook, otherwise a plain line every few seconds.

A training shows all of its phases and leaves a bar of each. Other commands are brief: they show what takes more than
about a second, take it away afterwards, and print nothing where there is no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.progress.display import (
    DRAW_INTERVAL_S,
    LINE_INTERVAL_S,
    Display,
    TerminalDisplay,
    clock,
    find_display,
    notify,
)
from tts.progress.phases import shown_by

if TYPE_CHECKING:
    from rich.console import RenderableType

LABEL_WIDTH, BAR_WIDTH = 10, 20
BRIEF_S = 1.0
"""Seconds from which on brief work is shown."""


@dataclass(slots=True)
class _Open:
    label: str
    facts: str
    share: float = 0.0


class PhaseProgress:
    """Shows phases; implements :class:`~tts.progress.phases.PhaseListener`."""

    def __init__(self, *, terminal: bool | None = None, brief: bool = False) -> None:
        """Show nothing before the first phase.

        Args:
            terminal: whether to draw bars on standard error; None draws them where a terminal or a notebook takes them.
            brief: show nothing for a second, leave nothing behind, and print no lines.
        """
        self._display: Display | None = TerminalDisplay() if terminal else None
        if terminal is None:
            self._display = find_display()
        self._brief, self._open = brief, list[_Open]()
        self._began = self._shown = time.monotonic()
        self._closed = False

    def __enter__(self) -> PhaseProgress:
        """Return the display itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the terminal; what comes later is not shown."""
        self._closed = True
        if self._display is not None:
            self._display.release(keep=not self._brief)

    def start(self, label: str, facts: str, left_s: float | None) -> None:
        """Start a phase."""
        text = _joined(facts, left_s)
        self._open.append(_Open(label, text))
        if self._display is not None:
            self._draw(time.monotonic())
        elif not self._brief and len(self._open) == 1:
            notify(f"{label}: {text}" if text else label)
        if len(self._open) == 1:
            self._shown = time.monotonic()

    def advance(self, share: float, facts: str, left_s: float | None) -> None:
        """Update the display, at most once per interval; a bar that is full at once."""
        now, top = time.monotonic(), self._open[-1]
        due = now - self._shown >= (LINE_INTERVAL_S if self._display is None else DRAW_INTERVAL_S)
        if not due and share < 1:
            return
        top.share = share
        if not due:
            return
        self._shown, top.facts = now, _joined(facts, left_s)
        if self._display is not None:
            self._draw(now)
        elif not self._brief:
            notify(f"{top.label}: {share:.0%}, {top.facts}" if top.facts else f"{top.label}: {share:.0%}")

    def finish(self, seconds: float) -> None:
        """Take the bar of an inner phase away; leave that of an outer one, with the time that it took."""
        ended, now = self._open.pop(), time.monotonic()
        if self._open or self._brief:
            return
        if self._display is None:
            if seconds >= LINE_INTERVAL_S:
                notify(f"{ended.label}: took {clock(seconds)}")
            return
        ended.facts = f"took {clock(seconds)}"
        self._open.append(ended)
        self._draw(now)
        self._open.pop()
        self._display.release()

    def _draw(self, now: float) -> None:
        if self._display is not None and not self._closed and (not self._brief or now - self._began >= BRIEF_S):
            self._display.show(_bars(self._open))


@contextmanager
def brief_phases(*, shown: bool = True) -> Iterator[None]:
    """Show the phases of a block where they take more than about a second, on a terminal or in a notebook.

    Args:
        shown: False shows nothing.
    """
    if not shown or find_display() is None:
        yield
        return
    with PhaseProgress(brief=True) as listener, shown_by(listener):
        yield


def _joined(facts: str, left_s: float | None) -> str:
    return ", ".join(part for part in (facts, "" if left_s is None else f"{clock(left_s)} left") if part)


def _bars(phases: list[_Open]) -> RenderableType:
    """Return a bar for each open phase, the outermost first."""
    from rich.progress_bar import ProgressBar
    from rich.table import Column, Table
    from rich.text import Text

    rows = Table.grid(Column(), Column(), Column(), Column(no_wrap=True, overflow="ellipsis"), padding=(0, 1))
    for phase in phases:
        bar = ProgressBar(total=1.0, completed=phase.share, width=BAR_WIDTH)
        rows.add_row(f"{phase.label:<{LABEL_WIDTH}}", bar, f"{phase.share:>4.0%}", Text(phase.facts))
    return rows
