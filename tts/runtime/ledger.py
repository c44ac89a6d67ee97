"""The ledger's arithmetic: what an engine metered, what nobody used, and how a common cost is shared."""

from __future__ import annotations

from dataclasses import replace

from tts.engines.base import Meter
from tts.types import End, Sample, Usage

NOTHING = Usage()


def charge(meter: Meter) -> Usage:
    """What an engine metered for one draw; drawn tokens are delivered but for those past its boundary."""
    past = meter.discarded
    return Usage(prompt=meter.prompt, prompt_cached=meter.prompt_cached, delivered=meter.drawn - past, aborted=past)


def unused(usage: Usage | None) -> Usage:
    """The same cost where nobody was given the sample."""
    return replace(usage, delivered=0, aborted=usage.aborted + usage.delivered) if usage else NOTHING


def failed(sample: Sample, error: str) -> Sample:
    """The sample as one that failed after it was drawn."""
    return replace(sample, answer=None, end=End.FAILED, usage=unused(sample.usage), error=error)


def shares(cost: Usage, among: int) -> list[Usage]:
    """A cost in ``among`` nearly equal parts whose sum is exact; the first ones carry what does not divide."""
    if cost == NOTHING:
        return [NOTHING] * among
    counts = [(name, *divmod(getattr(cost, name), among)) for name in Usage.__slots__]
    return [Usage(**{name: part + (number < rest) for name, part, rest in counts}) for number in range(among)]
