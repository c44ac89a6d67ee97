"""Where a sample crosses a boundary: one rule for engines, which stop there, and recordings, which are cut there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tts.errors import UnsupportedError
from tts.models.finece import VALUES
from tts.types import Boundary, End, Sample, Trace

CUTS = ("group_below", "step_below")
"""Kinds of boundaries that a whole recorded sample can be cut at."""


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


def crossing(boundary: Boundary, top: Sequence[float]) -> int | None:
    """How many tokens a sample has when its first whole group falls below a ``group_below``; None where none does."""
    if len(top) < boundary.window:
        return None
    below = np.flatnonzero(group_confidence(top, boundary.window) < boundary.value)
    return int(below[0]) + boundary.window if len(below) else None


def step_crossing(bar: float, watched: Sequence[float], steps: Sequence[bool]) -> int | None:
    """How many tokens a sample has at the first one that ends a step and is watched below the bar; None without one.

    Args:
        bar: in [0, 1].
        watched: P(watched token) where each token was drawn, shape [tokens].
        steps: whether each token ends a step, shape [tokens].
    """
    below = np.flatnonzero(np.asarray(steps, dtype=bool) & (np.asarray(watched, dtype=np.float64) < bar))
    return int(below[0]) + 1 if len(below) else None


def shows(trace: Trace, boundary: Boundary) -> bool:
    """Whether a trace has what says where it crosses a boundary of ``CUTS``."""
    if boundary.kind == "group_below":
        return bool(trace.top)
    if has_values(trace):
        return False
    return bool(trace.steps) and len(_first_watched(trace)) == len(trace.steps)


def cut_at(trace: Trace, boundary: Boundary) -> int | None:
    """How many tokens a sample has where it crosses a boundary of ``CUTS``; None where it does not."""
    if boundary.kind == "group_below":
        return crossing(boundary, trace.top)
    return step_crossing(boundary.value, _first_watched(trace), trace.steps)


def cut(sample: Sample, boundary: Boundary) -> Sample:
    """A recorded sample as it would have been drawn until this boundary, of a kind of ``CUTS``.

    The text is left whole, since a recording does not say where in it a token ends: a cut sample has no answer and
    is not continued, and what was probed at its old end is left out. The ledger counts only the tokens that would have
    been drawn, a probe's among them where there was one.

    Raises:
        UnsupportedError: the recording lacks what the boundary looks at.
    """
    trace, usage = sample.trace, sample.usage
    if sample.end is End.FAILED:
        return sample
    if not shows(trace, boundary):
        raise UnsupportedError(_LACKING[boundary.kind])
    n, length = cut_at(trace, boundary), len(trace.top if boundary.kind == "group_below" else trace.steps)
    if n is None or (n == length and sample.end is End.STOP):  # a sample that has ended is not cut any more
        return sample
    shorter = replace(shortened(trace, n), probe=trace.probe if n == length else None)
    shorter_usage = replace(usage, delivered=usage.delivered - (length - n)) if usage is not None else None
    return replace(
        sample, answer=None, end=End.BOUNDARY, token_ids=sample.token_ids[:n], trace=shorter, usage=shorter_usage
    )


def has_values(trace: Trace) -> bool:
    """Whether the watched tokens are a FineCE model's value tokens, none of which is a confidence by itself."""
    return len(trace.watched) == VALUES


def shortened(trace: Trace, n: int) -> Trace:
    """The trace of the first ``n`` tokens, without what was probed at their old end."""
    return Trace(
        trace.logprobs[:n],
        {token: values[:n] for token, values in trace.watched.items()},
        trace.top[:n],
        trace.entropy[:n],
        trace.certainty[:n],
        trace.steps[:n],
    )


def _first_watched(trace: Trace) -> Sequence[float]:
    return next(iter(trace.watched.values()), ())


_LACKING = {
    "group_below": "the recording has no top-k confidences: sample it with `signals.top` above 0",
    "step_below": "the recording does not have a watched probability and whether a step ends at every token: draw it "
    "with a scorer that watches a token, and with `signals.steps`",
}
