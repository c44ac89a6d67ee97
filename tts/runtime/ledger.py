"""The ledger's arithmetic: tokens that an engine metered, wasted tokens, and the shares of a common cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tts.engines.base import Meter
from tts.types import End, Sample, Usage

NOTHING = Usage()


class Account:
    """The tokens of one question, exact at any time at which nothing of it is in flight.

    A draw is charged as aborted when it ends, however it ends, and counts as delivered once the strategy gets it.

    Attributes:
        reused: the original cost of samples from a cache.
    """

    __slots__ = ("_aborted", "_cached", "_delivered", "_other", "_prompt", "reused")

    def __init__(self) -> None:
        """Start with nothing."""
        self._prompt = self._cached = self._delivered = self._aborted = 0
        self._other = self.reused = NOTHING

    @property
    def spent(self) -> Usage:
        """The tokens that this question cost."""
        return Usage(self._prompt, self._cached, self._delivered, self._aborted) + self._other

    @property
    def usage(self) -> Usage:
        """The cost of the question if no sample had come from a cache."""
        return self.spent + self.reused

    def charge(self, usage: Usage) -> None:
        """Add tokens that were just spent."""
        if usage is not NOTHING:
            self._other += usage

    def charge_draw(self, meter: Meter) -> None:
        """Add the tokens of a draw that has ended."""
        self._prompt += meter.prompt
        self._cached += meter.prompt_cached
        self._aborted += meter.drawn

    def reuse(self, usage: Usage | None) -> None:
        """Add the original cost of a sample from a cache."""
        if usage is not None:
            self.reused += usage

    def deliver(self, samples: Iterable[Sample]) -> None:
        """Count the drawn tokens of samples, which were charged as aborted, as delivered."""
        for sample in samples:
            if sample.usage is not None:
                self._delivered += sample.usage.delivered
                self._aborted -= sample.usage.delivered


def charge(meter: Meter) -> Usage:
    """Return the usage of one metered draw; drawn tokens are delivered, except those past its boundary."""
    past = meter.discarded
    return Usage(prompt=meter.prompt, prompt_cached=meter.prompt_cached, delivered=meter.drawn - past, aborted=past)


def unused(usage: Usage | None) -> Usage:
    """Return the same cost for a sample that no strategy received."""
    return replace(usage, delivered=0, aborted=usage.aborted + usage.delivered) if usage else NOTHING


def without(usage: Usage, samples: Iterable[Sample]) -> Usage:
    """Return a usage in which the tokens of these samples, which it holds as delivered, count as aborted."""
    moved = sum(sample.usage.delivered for sample in samples if sample.usage is not None)
    return replace(usage, delivered=usage.delivered - moved, aborted=usage.aborted + moved) if moved else usage


def failed(sample: Sample, error: str, failure: str = "") -> Sample:
    """Return the sample as one that failed after it was drawn."""
    usage = unused(sample.usage)
    return replace(sample, answer=None, end=End.FAILED, usage=usage, error=error, failure=failure or None)


def shares(cost: Usage, among: int) -> list[Usage]:
    """Return ``among`` nearly equal parts of a cost; their sum is exact, and the first ones carry the remainder."""
    if cost == NOTHING:
        return [NOTHING] * among
    counts = [(name, *divmod(getattr(cost, name), among)) for name in Usage.__slots__]
    return [Usage(**{name: part + (number < rest) for name, part, rest in counts}) for number in range(among)]
