"""Counts of the draws of a run: how many failed and why, how many were cut off, and how many are right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tts.errors import REFUSED, UNREADABLE
from tts.runtime.driver import Result
from tts.types import End, Problem, Sample

_PROBLEM = re.compile(r" (?:on|of|for) problem '[^']*'")
Grade = Callable[[Problem, Sample], bool | None]


@dataclass(frozen=True, slots=True)
class DrawCounts:
    """The draws of a run, each once however many strategies used it; partial samples are not counted.

    Attributes:
        draws: all of them.
        right: those whose answer is right.
        failed: those that gave no sample.
        reasons: the reasons of the failed ones with their numbers, the commonest first.
        truncated: those that reached the limit of tokens.
        truncated_right: right ones among these.
        unread: those that ended by themselves and hold no answer that can be read.
        graded: whether right answers are known; without them, ``right`` and ``truncated_right`` mean nothing.
    """

    draws: int
    right: int
    failed: int
    reasons: Mapping[str, int]
    truncated: int
    truncated_right: int
    unread: int
    graded: bool = True

    @property
    def all_failed(self) -> bool:
        """True if there were draws and none of them gave a sample."""
        return 0 < self.draws == self.failed

    def as_mapping(self) -> dict[str, Any]:
        """Return the counts that JSON and pools record."""
        right = {"right": self.truncated_right} if self.graded else {}
        return {
            "failures": {"draws": self.failed, "of": self.draws, "reasons": dict(self.reasons)},
            "truncated": {"samples": self.truncated, **right, "of": self.draws - self.failed},
        }


def count_draws(results: Iterable[Result], grade: Grade) -> DrawCounts:
    """Count the draws that decisions rest on.

    Args:
        results: of one run, several strategies in turn.
        grade: whether a sample is right; None where that is not known.
    """
    drawn = {
        (result.problem.id, sample.index, sample.given): (result.problem, sample)
        for result in results
        for sample in result.decision.samples
        if sample.end is not End.BOUNDARY
    }
    return count_samples((sample, grade(problem, sample)) for problem, sample in drawn.values())


def count_samples(samples: Iterable[tuple[Sample, bool | None]]) -> DrawCounts:
    """Count whole samples.

    Args:
        samples: each sample with its grade; None where that is not known.
    """
    graded = list(samples)
    failed = [sample for sample, _ in graded if sample.end is End.FAILED]
    cut = [right for sample, right in graded if sample.end is End.LENGTH]
    return DrawCounts(
        draws=len(graded),
        right=sum(bool(right) for _, right in graded),
        failed=len(failed),
        reasons=dict(Counter(_reason(s) for s in failed).most_common()),
        truncated=len(cut),
        truncated_right=sum(map(bool, cut)),
        unread=sum(s.answer is None and s.end not in (End.FAILED, End.LENGTH) for s, _ in graded),
        graded=not graded or any(right is not None for _, right in graded),
    )


def _reason(sample: Sample) -> str:
    """Return the reason of a failed draw without the problem, so that equal reasons are counted together."""
    name = None if sample.failure in (REFUSED, UNREADABLE) else sample.failure  # the sentence tells more
    return _PROBLEM.sub("", name or sample.error or "unknown")


def joined(counts: Iterable[DrawCounts]) -> DrawCounts:
    """Return the sums of counts of runs that share no draws."""
    all_of_them = list(counts)
    reasons: Counter[str] = Counter()
    for one in all_of_them:
        reasons.update(one.reasons)
    sums = {
        name: sum(getattr(one, name) for one in all_of_them)
        for name in ("draws", "right", "failed", "truncated", "truncated_right", "unread")
    }
    return DrawCounts(**sums, reasons=dict(reasons.most_common()), graded=all(one.graded for one in all_of_them))
