"""Samples that outlive a run: a draw that the cache holds is delivered again and not drawn anew.

Knows only samples and where a draw ends; :class:`tts.pool.sample_cache.PoolSampleCache` keeps them in a pool file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from tts.boundaries import TRUNCATABLE, crossing, shows_crossing, truncate
from tts.errors import EngineError
from tts.scorers.metered import MeteredEngine, with_signals
from tts.types import END, Boundary, Draw, End, Problem, Sample, Signals

NO_SIGNALS = Signals()


class SampleCache(Protocol):
    """Keeps draws by problem and number; draws until END apart from those that may be truncated."""

    @property
    def forks(self) -> bool:
        """True if draws that continue a prefix are kept as well.

        Only the cache of a single strategy may do so: strategies that share their draws fork at different places.
        """
        ...

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        """Return the sample of this number that was drawn until a boundary of this kind, or None.

        Its confidence is the session's scorer's; None where that has not judged it yet.
        """
        ...

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        """Keep a sample that was just drawn and scored; on return it is durable."""
        ...

    def put_score(self, problem: Problem, sample: Sample) -> None:
        """Keep the score of a whole sample that was cached without one; on return it is durable."""
        ...

    def put_trace(self, problem: Problem, sample: Sample) -> None:
        """Keep the signals of a whole sample that was cached without them; on return they are durable."""
        ...

    def decided(self, problem: Problem) -> None:
        """Note that a strategy has decided on a problem, so that its samples are not looked up again soon."""
        ...


def lookup(
    cache: SampleCache, problem: Problem, index: int, draw: Draw, signals: Signals = NO_SIGNALS
) -> Sample | None:
    """Return the cached sample that serves a draw of one sample with these signals, or None if it must be drawn.

    A draw of alternatives, which are not stored, is drawn again and gets the same tokens.
    """
    sample = _cached(cache, problem, index, draw)
    return None if sample is None or (signals.alternatives and not sample.trace.alternatives) else sample


def _cached(cache: SampleCache, problem: Problem, index: int, draw: Draw) -> Sample | None:
    """Return the cached sample that serves a draw of one sample, whatever its signals, or None.

    A draw until END is served by a draw until END of the same prefix. A draw until a boundary of a ``TRUNCATABLE`` kind
    is served by the same, truncated where it crosses the boundary, or else by a cached draw that shows where it would
    be truncated.
    """
    until, prefix = draw.until, draw.prefix
    if prefix is not None:
        if until.kind != "end" or not cache.forks:
            return None
        fork = cache.get(problem, index)
        same = fork is not None and fork.token_ids[: fork.given] == prefix.token_ids
        return fork if same else None
    if until.kind == "end":
        return cache.get(problem, index)
    if until.kind not in TRUNCATABLE:
        return None
    whole = cache.get(problem, index)
    if whole is not None and shows_crossing(whole.trace, until):
        return truncate(whole, until)
    partial = cache.get(problem, index, until)
    if partial is None or not shows_crossing(partial.trace, until):
        return None
    seen_to_its_end = partial.end is not End.BOUNDARY or crossing(partial.trace, until) is not None
    return truncate(partial, until) if seen_to_its_end else None


def cacheable(cache: SampleCache, sample: Sample, draw: Draw) -> bool:
    """Return whether a fresh draw may be delivered again: it did not fail, and delivering it can be exact."""
    if draw.continues and not (draw.until.kind == "end" and cache.forks):
        return False
    return draw.until.kind in ("end", *TRUNCATABLE) and sample.end not in (End.FAILED, End.ABORTED)


async def complete(
    cache: SampleCache,
    problem: Problem,
    samples: Sequence[Sample],
    cached: Collection[int],
    signals: Signals,
    engine: MeteredEngine,
) -> list[Sample]:
    """Return samples of which those from the cache have all signals: what was not recorded is read and kept.

    Where the engine cannot read it, or fails, samples stay as they are.

    Args:
        cache: keeps what is read.
        problem: the problem of the samples.
        samples: samples, drawn and cached ones.
        cached: the numbers of those from the cache.
        signals: the signals that draws collect.
        engine: reads what is missing; every token is charged.
    """
    known = [sample for sample in samples if sample.index in cached and sample.end in (End.STOP, End.LENGTH)]
    try:
        read = await with_signals(problem, known, signals, engine)
    except EngineError:
        return [*samples]
    changed = {new.index: new for old, new in zip(known, read, strict=True) if new is not old}
    for sample in changed.values():
        cache.put_trace(problem, sample)
    return [changed.get(sample.index, sample) for sample in samples]
