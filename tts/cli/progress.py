"""How a live run goes: a bar on a terminal, else a plain line every few seconds, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

EVERY = 5.0
"""Seconds between two plain lines."""
FAST = 0.2
"""Seconds between two looks of a bar."""


def tell(text: str) -> None:
    """One line about the run, beside its results."""
    if sys.stderr is not None:
        print(text, file=sys.stderr, flush=True)


class Progress:
    """Questions done, the accuracy so far, tokens a second, the time left; implements ``evals.live.runner.Watch``.

    Attributes:
        done: questions done of the current strategy.
    """

    def __init__(self, drawn: Callable[[], int], *, terminal: bool | None = None) -> None:
        """Nothing is shown before the first ``begin``.

        Args:
            drawn: tokens drawn so far.
            terminal: whether to draw a bar; left out, whether standard error is a terminal.
        """
        self._drawn = drawn
        on = sys.stderr is not None and sys.stderr.isatty() if terminal is None else terminal
        self._bars = _bars() if on else None
        self._label, self._total, self.done, self._right = "", 0, 0, 0.0
        self._began = self._said = self._looked = 0.0
        self._tokens = 0
        self._bar: Any = None

    def __enter__(self) -> Progress:
        """The progress itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back."""
        if self._bars is not None:
            self._bars.stop()

    def begin(self, label: str, questions: int) -> None:
        """A strategy begins."""
        self._label, self._total, self.done, self._right = label, questions, 0, 0.0
        self._began = self._said = self._looked = time.monotonic()
        self._tokens = self._drawn()
        if self._bars is not None:
            self._bars.start()
            self._bar = self._bars.add_task(label, total=questions, facts="")

    def step(self, right: float) -> None:
        """One more question is done."""
        self.done += 1
        self._right += right
        self.tick()

    def tick(self) -> None:
        """Show where it stands, if the last time is long enough ago."""
        now = time.monotonic()
        if self._bars is not None:
            if now - self._looked >= FAST:
                self._looked = now
                self._show()
        elif now - self._said >= EVERY:
            self._said = now
            tell(f"{self._line()}{self._left(now)}")

    def end(self) -> None:
        """The strategy is through."""
        if self._bars is not None:
            self._show()
        else:
            tell(self._line())

    def _line(self) -> str:
        return f"{self._label}: {self.done} of {self._total} questions, {self._facts()}"

    def _facts(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-9)
        accuracy = f"accuracy {self._right / self.done:.3f}, " if self.done else ""
        return f"{accuracy}{(self._drawn() - self._tokens) / seconds:.0f} tokens/s"

    def _left(self, now: float) -> str:
        """The time left, if the questions to come take as long as those before."""
        if not self.done:
            return ""
        seconds = round((now - self._began) / self.done * (self._total - self.done))
        return f", {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left"

    def _show(self) -> None:
        if self._bars is not None:
            self._bars.update(self._bar, completed=self.done, facts=self._facts())
            self._bars.refresh()


def _bars() -> Bars:
    """A bar a strategy; drawn when told to, so that no thread is needed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr, markup=False, emoji=False, highlight=False),
        auto_refresh=False,
    )
