"""Two scorers by stage: each is asked once, about its own samples, and confidences come back in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tts.errors import InputError
from tts.scorers.base import BaseScorer
from tts.scorers.controls import OracleScorer
from tts.scorers.metered import MeteredEngine
from tts.scorers.staged import Staged
from tts.types import End, Problem, Sample, Signals


class Fixed(BaseScorer):
    """Gives one value and remembers what it was asked about."""

    def __init__(self, value: float, needs: Signals) -> None:
        self.value, self.needs, self.asked = value, needs, []  # type: ignore[var-annotated]
        self.key = {"value": value}

    async def score(self, problem: Problem, samples: Sequence[Sample], engine: Any) -> Any:
        self.asked.append([s.text for s in samples])
        return np.full(len(samples), self.value)


def test_each_judges_its_own() -> None:
    paused, ended = Fixed(0.2, Signals(watch=(7,))), Fixed(0.9, Signals(entropy=True))
    both = Staged(paused, ended)
    ends = (End.STOP, End.BOUNDARY, End.LENGTH, End.BOUNDARY)
    samples = [Sample(str(i), end=end) for i, end in enumerate(ends)]
    found = asyncio.run(both.score(Problem("q", "?"), samples, MeteredEngine(None)))
    assert found.tolist() == [0.9, 0.2, 0.9, 0.2]
    assert paused.asked == [["1", "3"]] and ended.asked == [["0", "2"]]
    assert both.needs == Signals(watch=(7,), entropy=True)
    assert both.key == {"paused": {"value": 0.2}, "ended": {"value": 0.9}} and both.judges_prefixes
    asyncio.run(both.score(Problem("q", "?"), samples[:1], MeteredEngine(None)))
    assert len(paused.asked) == 1  # nothing of its own, so it is not asked


def test_what_pauses_needs_a_scorer_of_prefixes() -> None:
    with pytest.raises(InputError, match="needs a scorer of prefixes for paused, and oracle judges whole samples only"):
        Staged(OracleScorer(), Fixed(0.5, Signals()))
