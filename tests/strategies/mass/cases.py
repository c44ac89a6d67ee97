"""Draws with known probabilities, and a play of a strategy on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tts.types import Decision, End, Problem, Sample, Trace


def text(number: int, answer: str | None, probability: float | None, **more: Any) -> Sample:
    """Return a draw of the text of this number; without a probability nothing is known of it."""
    trace = Trace() if probability is None else Trace(processed=(math.log(probability),))
    return Sample(f"text {number}", answer, token_ids=(number,), trace=trace, **more)


def truncated(number: int, probability: float) -> Sample:
    """Return a draw that the token limit cut off: the probability is that of its beginning."""
    return text(number, None, probability, end=End.LENGTH)


def play(strategy: Any, samples: Sequence[Sample]) -> Decision:
    """Return the decision of a strategy that is handed these samples in their order."""
    steps, at = strategy.run(Problem("p", "?")), 0
    try:
        draw = next(steps)
        while True:
            taken = list(samples[at : at + draw.n])
            assert len(taken) == draw.n, "asked for more draws than there are"
            at += draw.n
            draw = steps.send(taken)
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision
