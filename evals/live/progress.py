"""The seam to whatever shows the progress of a live run: a terminal, a notebook, or nothing."""

from __future__ import annotations

from typing import Protocol


class ProgressListener(Protocol):
    """Receives the progress of a live run."""

    def start(self, label: str, questions: int) -> None:
        """A strategy starts on this number of questions."""
        ...

    def advance(self, right: float) -> None:
        """One more question is done; ``right`` is the share of it that is right, in [0, 1]."""
        ...

    def refresh(self) -> None:
        """Some time has passed."""
        ...

    def finish(self) -> None:
        """The strategy is done with all questions."""
        ...


class Silent:
    """A listener that shows nothing."""

    def start(self, label: str, questions: int) -> None:
        """Ignore the start."""

    def advance(self, right: float) -> None:
        """Ignore the question."""

    def refresh(self) -> None:
        """Ignore the time."""

    def finish(self) -> None:
        """Ignore the end."""
