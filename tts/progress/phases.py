"""The phases of a command, and the time that is left: measured paces times the work that is still to come.

Imports no torch and knows nothing about terminals: a :class:`PhaseListener` shows what it receives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")
Kind = Literal["load", "read", "prepare", "learn", "evaluate", "write", "draw", "fit", "store", "replay", "resample"]
COSTS: dict[Kind, tuple[str, float]] = {
    "load": ("model", 1.0),
    "write": ("model", 1.0),
    "read": ("question", 1.0),
    "prepare": ("token", 1.0),
    "evaluate": ("token", 1.0),
    "learn": ("token", 3.0),
    "draw": ("sample", 1.0),
    "fit": ("fit", 1.0),
    "store": ("question", 1.0),
    "replay": ("decision", 1.0),
    "resample": ("value", 1.0),
}
"""The unit of each kind of work, and its usual cost relative to other kinds of the same unit.

A kind that was not measured yet is estimated by those that were. Learning from a token takes a pass forward and one
backward at twice the cost.
"""


class PhaseListener(Protocol):
    """Receives the phases of a command; a phase may hold others."""

    def start(self, label: str, facts: str, left_s: float | None) -> None:
        """A phase starts.

        Args:
            label: one word.
            facts: a few words, or empty.
            left_s: as :meth:`advance` receives it.
        """
        ...

    def advance(self, share: float, facts: str, left_s: float | None) -> None:
        """Some work of the innermost phase is done.

        Args:
            share: of its work, in [0, 1].
            facts: a few words, or empty.
            left_s: seconds until the end of the whole command, as far as its work is known; None if it is not.
        """
        ...

    def finish(self, seconds: float) -> None:
        """The innermost phase is done after this time."""
        ...


class SilentPhases:
    """A listener that shows nothing."""

    def start(self, label: str, facts: str, left_s: float | None) -> None:
        """Ignore the start."""

    def advance(self, share: float, facts: str, left_s: float | None) -> None:
        """Ignore the work."""

    def finish(self, seconds: float) -> None:
        """Ignore the end."""


@dataclass(slots=True)
class _Open:
    kind: Kind
    total: float
    began: float
    done: float = 0.0


class Phases:
    """The phases of one command: their work, their measured paces, and the time left.

    Time belongs to the innermost open phase.
    """

    def __init__(self, listener: PhaseListener | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any work.

        Args:
            listener: shows the phases; None shows nothing.
            clock: returns seconds.
        """
        self._listener, self._clock = listener or SilentPhases(), clock
        self._coming: dict[Kind, float] = {}
        self._done: dict[Kind, float] = {}
        self._seconds: dict[Kind, float] = {}
        self._open: list[_Open] = []
        self._mark = clock()

    def expect(self, kind: Kind, work: float) -> None:
        """Set the work of a kind that is still to come, in its unit; see ``COSTS``."""
        self._coming[kind] = max(work, 0.0)

    @contextmanager
    def phase(self, label: str, kind: Kind, total: float, *, facts: str = "") -> Iterator[None]:
        """Open a phase of this much work for a block.

        Args:
            label: one word.
            kind: the kind of its work.
            total: the work, in the unit of the kind.
            facts: a few words.
        """
        self._take_time()
        self._open.append(_Open(kind, total, self._mark))
        self._coming[kind] = max(self._coming.get(kind, 0.0), total)
        self._listener.start(label, facts, self.left_s)
        ended = False
        try:
            yield
            ended = True
        finally:
            if ended:
                self.advance(max(self._open[-1].total - self._open[-1].done, 0.0))
            opened = self._open.pop()
            self._listener.finish(self._mark - opened.began)

    def advance(self, work: float, facts: str = "") -> None:
        """Count work of the innermost phase."""
        if not self._open:
            return
        now = self._open[-1]
        now.done += work
        self._done[now.kind] = self._done.get(now.kind, 0.0) + work
        self._coming[now.kind] = max(self._coming[now.kind] - work, 0.0)
        self._take_time()
        self._listener.advance(min(now.done / now.total, 1.0) if now.total else 1.0, facts, self.left_s)

    @property
    def left_s(self) -> float | None:
        """Seconds that the coming work takes at the paces so far; None where some of it cannot be estimated."""
        total = 0.0
        for kind, work in self._coming.items():
            if not work:
                continue
            pace = self._pace(kind)
            if pace is None:
                return None
            total += work * pace
        return total

    def _pace(self, kind: Kind) -> float | None:
        """Return the seconds for one unit of work, by the slowest similar kind where the kind was not measured."""
        if self._done.get(kind):
            return self._seconds[kind] / self._done[kind]
        unit, cost = COSTS[kind]
        similar = [
            self._seconds[other] / done / COSTS[other][1]
            for other, done in self._done.items()
            if done and COSTS[other][0] == unit
        ]
        return max(similar) * cost if similar else None

    def _take_time(self) -> None:
        """Give the time since the last look to the innermost phase."""
        now = self._clock()
        if self._open:
            kind = self._open[-1].kind
            self._seconds[kind] = self._seconds.get(kind, 0.0) + now - self._mark
        self._mark = now


_SHOWN: ContextVar[Phases | None] = ContextVar("shown phases", default=None)


@contextmanager
def shown_by(listener: PhaseListener) -> Iterator[None]:
    """Show the phases that :func:`phase` and :func:`tracked` open within a block."""
    token = _SHOWN.set(Phases(listener))
    try:
        yield
    finally:
        _SHOWN.reset(token)


@contextmanager
def phase(label: str, kind: Kind, total: float, *, facts: str = "") -> Iterator[Callable[[float], None]]:
    """Open a phase of work for a block, and yield a function that counts work; nothing is shown outside of a display.

    Args:
        label: one word.
        kind: the kind of its work.
        total: the work, in the unit of the kind.
        facts: a few words.
    """
    shown = _SHOWN.get()
    if shown is None:
        yield _nothing
        return
    with shown.phase(label, kind, total, facts=facts):
        yield shown.advance


def tracked(items: Iterable[T], label: str, kind: Kind, total: float) -> Iterator[T]:
    """Yield items in a phase, each one unit of its work; they must be read to the end, or up to an error."""
    with phase(label, kind, total) as advance:
        for item in items:
            yield item
            advance(1)


def _nothing(_: float) -> None:
    """Count nothing."""
