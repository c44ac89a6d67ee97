"""The seam between a live run and its caller: progress, notices, and what runs the coroutines.

A terminal, a notebook and a test each bring their own; the defaults show nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


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


class Execute(Protocol):
    """Runs a coroutine to its end and returns its result, as ``asyncio.run`` does."""

    def __call__(self, work: Coroutine[Any, Any, T], /) -> T:
        """Return the coroutine's result."""
        ...


def _no_progress(_: Callable[[], int]) -> AbstractContextManager[ProgressListener]:
    return nullcontext(Silent())


@dataclass(frozen=True)
class Hooks:
    """The caller's side of a live run.

    Attributes:
        progress: opens a display; it receives a function that returns the tokens drawn so far.
        notify: receives one sentence about anything that takes time or changes something.
        execute: runs a coroutine to its end.
    """

    progress: Callable[[Callable[[], int]], AbstractContextManager[ProgressListener]] = _no_progress
    notify: Callable[[str], None] = field(default=lambda _: None)
    execute: Execute = asyncio.run


SILENT = Hooks()
