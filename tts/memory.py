"""Draws that outlive a run: what was drawn once is handed over again instead of being drawn anew.

Knows only samples and where a draw ends; :class:`tts.pool.memory.PoolMemory` keeps them in a pool file.
"""

from __future__ import annotations

from typing import Protocol

from tts.cut import CUTS, cut, cut_at, shows
from tts.types import END, Boundary, End, Problem, Sample


class Memory(Protocol):
    """Remembers draws from the bare problem by problem and number; draws until END apart from those that may be cut."""

    def get(self, problem: Problem, index: int, until: Boundary = END) -> Sample | None:
        """The remembered sample of this number that was drawn until a boundary of this kind, or None."""
        ...

    def put(self, problem: Problem, sample: Sample, until: Boundary = END) -> None:
        """Remember a sample that was just drawn and scored; on return it is safe."""
        ...


def recall(memory: Memory, problem: Problem, index: int, until: Boundary) -> Sample | None:
    """What the memory has in place of a draw, or None where it must be drawn.

    A draw until END is served by one that was drawn until END. A draw until a boundary of ``CUTS`` is served by the
    same, cut where it crosses the boundary, or else by a remembered one that shows where it would have been cut.
    """
    if until.kind == "end":
        return memory.get(problem, index)
    if until.kind not in CUTS:
        return None
    whole = memory.get(problem, index)
    if whole is not None and shows(whole.trace, until):
        return cut(whole, until)
    partial = memory.get(problem, index, until)
    if partial is None or not shows(partial.trace, until):
        return None
    seen_to_its_end = partial.end is not End.BOUNDARY or cut_at(partial.trace, until) is not None
    return cut(partial, until) if seen_to_its_end else None


def memorable(sample: Sample, until: Boundary) -> bool:
    """Whether a fresh draw from the bare problem may serve again: it did not fail, and recalling it can be exact."""
    return until.kind in ("end", *CUTS) and sample.end not in (End.FAILED, End.ABORTED)
