"""The draws in flight over time: each one records the mean number of rows beside it, and its share of the machine.

Their tokens are counted while they are drawn, as far as the engine meters them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from tts.engines.base import Meter


@dataclass(slots=True)
class Life:
    """The life of one draw, known once it has ended.

    Attributes:
        rows: the mean number of rows in flight during it, itself included.
        machine_s: its share of the machine in seconds, the time of its life with each moment divided by the number of
            draws in flight; the shares of all draws add up to the time in which any was in flight.
    """

    rows: float = 0.0
    machine_s: float = 0.0


class InFlight:
    """Counts draws of one engine that are in flight at the same time."""

    def __init__(self, limit: float = math.inf, clock: Callable[[], float] = perf_counter) -> None:
        """Start with none.

        Args:
            limit: the rows of the engine's batch; draws beyond it wait, and are no rows.
            clock: returns seconds.
        """
        self._limit, self._clock = limit, clock
        self._count, self._rows, self._shares, self._at = 0, 0.0, 0.0, clock()
        self._meters: dict[int, Meter] = {}
        self._ended = 0

    @property
    def drawn(self) -> int:
        """Tokens drawn so far, those of draws in flight included where the engine meters them as it draws."""
        return self._ended + sum(meter.drawn for meter in self._meters.values())

    @contextmanager
    def draw(self, meter: Meter | None = None) -> Iterator[Life]:
        """Count one draw for the length of the block.

        Args:
            meter: of its request; None leaves its tokens out.
        """
        life = Life()
        if meter is not None:
            self._meters[id(meter)] = meter
        self._advance(+1)
        begun, rows, shares = self._at, self._rows, self._shares
        try:
            yield life
        finally:
            beside = min(self._count, self._limit)
            self._advance(-1)
            spent = self._at - begun
            life.rows = (self._rows - rows) / spent if spent > 0 else float(beside)
            life.machine_s = self._shares - shares
            if meter is not None:
                del self._meters[id(meter)]
                self._ended += meter.drawn

    def resize(self, limit: float) -> None:
        """Take another number of rows from now on."""
        self._advance(0)
        self._limit = limit

    def _advance(self, change: int) -> None:
        """Add up to now, and change the count."""
        now = self._clock()
        passed, self._at = now - self._at, now
        if self._count:
            self._rows += min(self._count, self._limit) * passed
            self._shares += passed / self._count
        self._count += change
