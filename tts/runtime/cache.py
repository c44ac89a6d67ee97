"""Draws that outlive a run: what was drawn once is handed over again instead of being drawn anew.

Knows only samples and where a draw ends; :class:`tts.pool.sample_cache.PoolSampleCache` keeps them in a pool file.
"""

from __future__ import annotations

from typing import Protocol

from tts.boundaries import TRUNCATABLE, crossing, shows_crossing, truncate
from tts.types import END, Boundary, Draw, End, Problem, Sample


class SampleCache(Protocol):
    """Keeps draws by problem and number; draws until END apart from those that may be truncated."""

    @property
    def forks(self) -> bool:
        """Whether it keeps draws that continue a prefix as well.

        True only for the cache of a single strategy: strategies that share their draws fork at different places.
        """
        ...

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        """The remembered sample of this number that was drawn until a boundary of this kind, or None."""
        ...

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        """Remember a sample that was just drawn and scored; on return it is safe."""
        ...


def recall(memory: SampleCache, problem: Problem, index: int, draw: Draw) -> Sample | None:
    """What the memory has in place of a draw, or None where it must be drawn.

    A draw until END is served by one that was drawn until END, of the same prefix. A draw until a boundary of a
    ``TRUNCATABLE`` kind is served by the same, truncated where it crosses the boundary, or else by a remembered one
    that shows where it would have been truncated.
    """
    until, prefix = draw.until, draw.prefix
    if prefix is not None:
        if until.kind != "end" or not memory.forks:
            return None
        fork = memory.get(problem, index)
        same = fork is not None and fork.token_ids[: fork.given] == prefix.token_ids
        return fork if same else None
    if until.kind == "end":
        return memory.get(problem, index)
    if until.kind not in TRUNCATABLE:
        return None
    whole = memory.get(problem, index)
    if whole is not None and shows_crossing(whole.trace, until):
        return truncate(whole, until)
    partial = memory.get(problem, index, until)
    if partial is None or not shows_crossing(partial.trace, until):
        return None
    seen_to_its_end = partial.end is not End.BOUNDARY or crossing(partial.trace, until) is not None
    return truncate(partial, until) if seen_to_its_end else None


def memorable(memory: SampleCache, sample: Sample, draw: Draw) -> bool:
    """Whether a fresh draw may serve again: it did not fail, and recalling it can be exact."""
    if draw.prefix is not None and not (draw.until.kind == "end" and memory.forks):
        return False
    return draw.until.kind in ("end", *TRUNCATABLE) and sample.end not in (End.FAILED, End.ABORTED)
