"""The kinds of boundaries, and the token at which a sample crosses one.

One rule serves engines, which stop a draw at its boundary, and recordings, which are truncated there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts.errors import UnsupportedError
from tts.types import Boundary, End, Sample, Signals, Trace


@dataclass(frozen=True, slots=True)
class BoundaryKind:
    """The properties of one kind of boundary.

    Attributes:
        reads: the signal that shows where a draw crosses it; empty where the tokens alone show it, so that a backend
            can enforce it. "confidence" is P(the confidence token among the watched tokens).
        lacks: what a draw without that signal needs, and what to do.
        at_steps: whether it lies only where a step ends.
        unrecorded: for a boundary that a recording can be truncated at, what a recording without the signals lacks;
            empty for the others.
    """

    reads: Literal["", "confidence", "top", "entropy"] = ""
    lacks: str = ""
    at_steps: bool = False
    unrecorded: str = ""


_WATCHES = "a watched token: use a scorer that watches one"
KINDS: Mapping[str, BoundaryKind] = {
    "end": BoundaryKind(),
    "step": BoundaryKind(),
    "tokens": BoundaryKind(),
    "confidence_below": BoundaryKind("confidence", _WATCHES),
    "step_below": BoundaryKind(
        "confidence",
        _WATCHES,
        at_steps=True,
        unrecorded="the recording does not have a watched probability and whether a step ends at every token: draw it "
        "with a scorer that watches a token, and with `signals.steps`",
    ),
    "group_below": BoundaryKind(
        "top",
        "top-k confidences: ask for `signals.top`",
        unrecorded="the recording has no top-k confidences: sample it with `signals.top` above 0",
    ),
    "entropy_above": BoundaryKind("entropy", "the entropy of each token: ask for `signals.entropy`"),
}
"""Every kind of :class:`~tts.types.Boundary`, by its name."""

DETECTED = tuple(name for name, kind in KINDS.items() if kind.reads)
"""The kinds that a backend cannot enforce; we detect them in the streamed signals."""

TRUNCATABLE = tuple(name for name, kind in KINDS.items() if kind.unrecorded)
"""The kinds that a whole recorded sample can be truncated at."""


def signals_for(until: Boundary, *, top: int) -> Signals:
    """Return the signals that draws until a boundary have to collect, apart from the tokens that a scorer watches.

    Args:
        until: where the draws end.
        top: the number of most probable tokens of a top-k confidence, >= 1.
    """
    kind = KINDS[until.kind]
    return Signals(top=top if kind.reads == "top" else 0, entropy=kind.reads == "entropy", steps=kind.at_steps)


def missing_signal(until: Boundary, signals: Signals) -> str | None:
    """Return what a draw until this boundary needs and these signals do not collect, as a sentence; None if nothing."""
    kind = KINDS[until.kind]
    there = {
        "": True,
        "confidence": signals.confidence_token is not None,
        "top": signals.top > 0,
        "entropy": signals.entropy,
    }
    return None if there[kind.reads] else f"a draw until {until.kind.upper()} needs {kind.lacks}"


def group_confidence(top: Sequence[float], window: int) -> NDArray[np.float64]:
    """The mean confidence of each group of ``window`` consecutive tokens, shape [max(1, tokens - window + 1)].

    A sample shorter than the window is one group. Means are differences of a running sum, so that an engine that adds
    up token by token gets the same numbers to the last bit.

    Source:
        DeepConf, arXiv 2508.15260, section 3: group confidence over a sliding window.
    """
    total = np.concatenate([[0.0], np.cumsum(np.asarray(top, dtype=np.float64))])
    size = min(window, len(total) - 1)
    return np.asarray((total[size:] - total[: len(total) - size]) / max(size, 1), dtype=np.float64)


def group_crossing(boundary: Boundary, top: Sequence[float]) -> int | None:
    """Return the number of tokens up to the end of the first whole group below a ``group_below``; None if none is."""
    if len(top) < boundary.window:
        return None
    below = np.flatnonzero(group_confidence(top, boundary.window) < boundary.value)
    return int(below[0]) + boundary.window if len(below) else None


def step_crossing(bar: float, confidence: Sequence[float], steps: Sequence[bool]) -> int | None:
    """Return the number of tokens up to the first one that ends a step with a confidence below the bar; None if none.

    Args:
        bar: in [0, 1].
        confidence: P(confidence token) where each token was drawn, shape [tokens].
        steps: whether each token ends a step, shape [tokens].
    """
    below = np.flatnonzero(np.asarray(steps, dtype=bool) & (np.asarray(confidence, dtype=np.float64) < bar))
    return int(below[0]) + 1 if len(below) else None


def shows_crossing(trace: Trace, boundary: Boundary) -> bool:
    """Return whether a trace has the signals that show where it crosses a boundary of a ``TRUNCATABLE`` kind."""
    if boundary.kind == "group_below":
        return bool(trace.top)
    return bool(trace.steps) and len(trace.confidence) == len(trace.steps)


def crossing(trace: Trace, boundary: Boundary) -> int | None:
    """Return the number of tokens up to where a trace crosses a boundary of a ``TRUNCATABLE`` kind; None if nowhere."""
    if boundary.kind == "group_below":
        return group_crossing(boundary, trace.top)
    return step_crossing(boundary.value, trace.confidence, trace.steps)


def truncate(sample: Sample, boundary: Boundary) -> Sample:
    """Return a recorded sample as it would have been drawn until a boundary of a ``TRUNCATABLE`` kind.

    The text stays whole, since a recording does not show where in it a token ends: a truncated sample has no answer
    and is not continued, and the probe at its old end is left out. The ledger counts only the tokens that would have
    been drawn, a probe's among them where there was one.

    Raises:
        UnsupportedError: the recording lacks the signal that the boundary reads.
    """
    trace, usage = sample.trace, sample.usage
    if sample.end is End.FAILED:
        return sample
    if not shows_crossing(trace, boundary):
        raise UnsupportedError(KINDS[boundary.kind].unrecorded)
    n, length = crossing(trace, boundary), len(trace.top if boundary.kind == "group_below" else trace.steps)
    if n is None or (n == length and sample.end is End.STOP):  # a sample that has ended is not truncated any more
        return sample
    shorter = replace(trace.truncated(n), probe=trace.probe if n == length else None)
    spent = replace(usage, delivered=usage.delivered - (length - n)) if usage is not None else None
    return replace(sample, answer=None, end=End.BOUNDARY, token_ids=sample.token_ids[:n], trace=shorter, usage=spent)
