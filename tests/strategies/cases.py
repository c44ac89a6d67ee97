"""Helpers that tests of strategies share: scripted plays, evidence by hand, and two sizes of a property."""

from __future__ import annotations

from typing import Any

import pytest

from strategies.live_evidence import LiveEvidence
from strategies.weighting import Weighting
from tts.types import Decision, Problem, Sample, Usage


def sizes(quick: int, full: int) -> Any:
    """Run a property with few examples, and with all of them as a slow test; the test takes ``examples``."""
    return pytest.mark.parametrize("examples", [quick, pytest.param(full, marks=pytest.mark.slow)])


def play(strategy: Any, draws: Any) -> Decision:
    """Return the decision on draws given as "answer" or ("answer", confidence); "" is unparsed."""
    steps = strategy.run(Problem("p", "?"))
    draw, at = next(steps), 0
    try:
        while True:
            given = [(d, None) if isinstance(d, str) else d for d in draws[at : at + draw.n]]
            at += draw.n
            draw = steps.send([Sample(answer=a or None, confidence=c, usage=Usage(delivered=10)) for a, c in given])
    except StopIteration as stop:
        decision: Decision = stop.value
        return decision


def evidence_of(weighting: Weighting, *draws: tuple[str, float]) -> LiveEvidence:
    """Return the evidence of draws given as ("answer", confidence); "" is unparsed."""
    found = LiveEvidence(weighting, needs_confidence=True)
    for answer, confidence in draws:
        found.add(Sample(answer=answer or None, confidence=confidence))
    return found
