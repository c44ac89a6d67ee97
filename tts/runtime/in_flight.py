"""The number of draws in flight over time, of which each draw records the mean of its own life."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter


@dataclass(slots=True)
class Life:
    """The life of one draw.

    Attributes:
        mean: the mean number of draws in flight during it, itself included; 0 before it has ended.
    """

    mean: float = 0.0


class InFlight:
    """Counts draws that are in flight at the same time, of one engine."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        """Start with none; ``clock`` returns seconds."""
        self._clock = clock
        self._count, self._area, self._at = 0, 0.0, clock()

    @contextmanager
    def draw(self) -> Iterator[Life]:
        """Count one draw for the length of the block."""
        life, begun, before = Life(), self._clock(), self._advance(+1)
        try:
            yield life
        finally:
            beside, area = self._count, self._advance(-1) - before
            spent = self._clock() - begun
            life.mean = area / spent if spent > 0 else float(beside)

    def _advance(self, change: int) -> float:
        """Return the sum of counts over time up to now, and change the count."""
        now = self._clock()
        self._area += self._count * (now - self._at)
        self._at = now
        self._count += change
        return self._area
