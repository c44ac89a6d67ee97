"""Sentences about the draws of a run: what failed, what was cut off, and whether the model solves the task at all."""

from __future__ import annotations

from evals.live.draws import DrawCounts

HARDLY = 0.1
"""A model with a smaller share of right samples does not solve the task, whatever the strategy."""
SHOWN = 3
"""The most reasons of failures in a sentence; the JSON holds all."""


def draw_sentences(counts: DrawCounts, max_tokens: int) -> list[str]:
    """Return one sentence for each thing about the draws that a reader has to know.

    Args:
        counts: the draws of a run.
        max_tokens: the limit of tokens of a sample.
    """
    found = []
    if counts.failed:
        found.append(failure_sentence(counts))
    if counts.truncated:
        right = f" ({counts.truncated_right} right)" if counts.graded else ""
        found.append(
            f"{counts.truncated} of {counts.draws - counts.failed} samples reached engine.max_tokens={max_tokens}"
            f"{right}: raise it"
        )
    if (said := verdict(counts)) is not None:
        found.append(said)
    return found


def failure_sentence(counts: DrawCounts) -> str:
    """Return the number of failed draws with their commonest reasons."""
    told = [f"{count} x {reason}" for reason, count in list(counts.reasons.items())[:SHOWN]]
    rest = sum(counts.reasons.values()) - sum(list(counts.reasons.values())[:SHOWN])
    others = [f"{rest} for other reasons"] if rest else []
    return f"{counts.failed} of {counts.draws} draws failed: {'; '.join([*told, *others])}"


def verdict(counts: DrawCounts) -> str | None:
    """Return a plain sentence where fewer than one whole sample in ten is right, else None: no strategy helps there.

    Failed draws and samples that were cut off say nothing about the model; where they are most of the draws, there is
    no verdict.

    Args:
        counts: the draws of a run.
    """
    whole = counts.draws - counts.failed - counts.truncated
    right = counts.right - counts.truncated_right
    if not counts.graded or 2 * whole <= counts.draws or right >= HARDLY * whole:
        return None
    wrong = whole - right - counts.unread
    parts = [
        f"{counts.unread} had no answer that could be read" if counts.unread else "",
        f"{wrong} were wrong" if wrong else "",
    ]
    return (
        f"{right} of {whole} right; {', '.join(part for part in parts if part)}: "
        f"this model {'hardly ever solves' if right else 'does not solve'} this task as it is asked"
    )
