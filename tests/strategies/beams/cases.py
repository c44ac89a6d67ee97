"""Helpers that tests of beams share: pruners to draw from, and plays against scripted samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from strategies.beam import PrunedBeams
from strategies.pruning import (
    Gap,
    NoPruning,
    Pruner,
    Quantile,
    Resample,
    Threshold,
    TopK,
    keyed_generator,
)
from tts.types import (
    END,
    Decision,
    Draw,
    End,
    Problem,
    Sample,
    Usage,
)

ONE = Problem("q", "?", "a")
UNIT = st.floats(0, 1)
CONFIDENCES = st.lists(UNIT, min_size=1, max_size=8).map(np.array)
DETERMINISTIC = st.one_of(
    st.just(NoPruning()),
    st.builds(Threshold, UNIT),
    st.builds(Gap, UNIT),
    st.builds(Quantile, UNIT),
    st.builds(TopK, st.integers(1, 6)),
)
ANY = st.one_of(DETERMINISTIC, st.builds(Resample, st.floats(0.01, 10.0)))
Reply = Callable[[Draw, int], Sample]


def copies(pruner: Pruner, confidence: Sequence[float], free: int | None = None, key: str = "") -> list[int]:
    values = np.array(confidence, dtype=np.float64)
    return pruner.copies(values, len(values) if free is None else free, keyed_generator(key)).tolist()


def played(strategy: PrunedBeams, replies: Reply, problem: Problem = ONE) -> tuple[Decision, list[Draw]]:
    """Play against ``replies(draw, number)``, which makes one sample."""
    steps, asked, number = strategy.run(problem), [], 0
    try:
        draw = next(steps)
        while True:
            asked.append(draw)
            samples = [replies(draw, number + k) for k in range(draw.n)]
            number += draw.n
            draw = steps.send(samples)
    except StopIteration as stop:
        return stop.value, asked


def paused_until_end(draw: Draw, number: int) -> Sample:
    """A beam that never ends before it must, each token costing one that was drawn."""
    whole, before = draw.until == END, draw.prefix.token_ids if draw.prefix else ()
    end, ids = (End.STOP if whole else End.BOUNDARY), (*before, number)
    return Sample(
        str(number), "a" if whole else None, end, 0.5, number, ids, usage=Usage(delivered=1), given=len(before)
    )
