"""Beams that cannot be drawn are refused in one sentence, and beams state what they require."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from strategies.beam import PrunedBeams, confidences
from strategies.stopping import Posterior
from tests.strategies.beams.cases import (
    played,
)
from tts.errors import InputError, UnsupportedError
from tts.requirements import Requirements
from tts.strategy import Strategy
from tts.types import (
    ENTROPY_ABOVE,
    GROUP_BELOW,
    STEP_BELOW,
    TOKENS,
    End,
    Sample,
    Signals,
)


@dataclass(frozen=True)
class Gives:
    """A pruner that returns a fixed result."""

    result: tuple[int, ...]
    name: str = "gives"

    def copies(self, confidence: Any, free: int, rng: Any) -> Any:
        return np.array(self.result)


def test_an_unscored_beam_and_a_pruner_that_does_not_keep_its_promise_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="a beam has no confidence"):
        played(PrunedBeams(), lambda draw, number: Sample(end=End.BOUNDARY))
    with pytest.raises(UnsupportedError, match="needs a scorer that scores partial samples"):
        confidences([Sample(confidence=0.5), Sample()])
    for result in ((0, 0, 0, 0), (5, 0, 0, 0), (2, -1, 0, 0), (1, 1)):
        with pytest.raises(
            InputError, match=r"pruner Gives returned \[.*\] copies of 4 beams with room for 4: return one"
        ):
            played(PrunedBeams(pruner=Gives(result)), lambda draw, number: Sample(end=End.BOUNDARY, confidence=0.5))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"width": 0}, "strategy pruned_beams needs width >= 1, got 0"),
        ({"budget": 0}, "needs budget >= 1, got 0"),
        ({"max_checks": 0}, "needs max_checks >= 1, got 0"),
        ({"length": 0.0}, "needs length > 0 or null, got 0.0"),
        ({"length": float("nan")}, "needs length > 0 or null, got nan"),
        ({"stop": (Posterior(),)}, "posterior needs weighting log_odds"),
    ],
)
def test_beams_that_cannot_be_drawn_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        PrunedBeams(**options)


def test_beams_are_a_strategy_and_require_the_signals_of_their_boundary() -> None:
    strategy = PrunedBeams(width=3, budget=7)
    assert isinstance(strategy, Strategy)
    guided = Requirements(confidence=True, prefix_confidence=True, branching=True, pausing=True, sequential=True)
    assert (strategy.budget, strategy.requires) == (7, guided)
    assert replace(strategy, until=TOKENS(4)).requires == guided
    assert replace(strategy, until=STEP_BELOW(0.5)).requires == replace(
        guided, watched=True, signals=Signals(steps=True)
    )
    assert replace(strategy, until=GROUP_BELOW(2.0, 4)).requires.signals == Signals(top=20)
    assert replace(strategy, until=ENTROPY_ABOVE(2.0)).requires.signals == Signals(entropy=True)
