"""Where a sample crosses a boundary: one rule for engines, which stop there, and recordings, which are cut there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tts.errors import UnsupportedError
from tts.types import Boundary, End, Sample, Trace


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
    """How many tokens a sample has when its first whole group falls below the boundary; None where none does."""
    if len(top) < boundary.window:
        return None
    below = np.flatnonzero(group_confidence(top, boundary.window) < boundary.value)
    return int(below[0]) + boundary.window if len(below) else None


def cut(sample: Sample, boundary: Boundary) -> Sample:
    """A recorded sample as it would have been drawn until this ``group_below`` boundary.

    The text is left whole, since a recording does not say where in it a token ends: a cut sample has no answer and
    is not continued. The ledger counts only the tokens that would have been drawn.

    Raises:
        UnsupportedError: the recording has no top-k confidences.
    """
    trace, usage = sample.trace, sample.usage
    if sample.end is End.FAILED:
        return sample
    if not trace.top:
        raise UnsupportedError("the recording has no top-k confidences: sample it with `signals.top` above 0")
    n = crossing(boundary, trace.top)
    if n is None or (n == len(trace.top) and sample.end is End.STOP):  # a sample that has ended is not cut any more
        return sample
    shorter = Trace(
        trace.logprobs[:n],
        {token: values[:n] for token, values in trace.watched.items()},
        trace.top[:n],
        trace.entropy[:n],
        trace.certainty[:n],
    )
    kept = replace(usage, kept=usage.kept - (len(trace.top) - n)) if usage is not None else None
    return replace(sample, answer=None, end=End.BOUNDARY, token_ids=sample.token_ids[:n], trace=shorter, usage=kept)
