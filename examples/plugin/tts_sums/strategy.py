"""The strategy "enough_confidence": it stops once the confidences of one answer add up to enough."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from strategies.catalog import Method
from tts import Decision, Draw, Problem, Sample
from tts.requirements import Requirements
from tts.strategy import Steps


@dataclass(frozen=True)
class EnoughConfidence:
    """Implements :class:`tts.strategy.Strategy`."""

    name: str
    budget: int
    enough: float
    requires = Requirements(confidence=True)

    def run(self, problem: Problem) -> Steps:
        """Draw one sample after the other; the driver scores them, looks ahead, retries and keeps the ledger."""
        totals: defaultdict[str, float] = defaultdict(float)
        samples: list[Sample] = []
        reason = "budget"
        while len(samples) < self.budget and reason == "budget":
            for sample in (yield Draw(1)):
                samples.append(sample)
                if sample.answer is not None:  # a draw may fail, or end without an answer
                    totals[sample.answer] += sample.confidence or 0.0
            if any(total >= self.enough for total in totals.values()):
                reason = "enough"
        leader = max(totals, key=totals.__getitem__, default=None)
        return Decision(leader, tuple(samples), reason)


ENOUGH_CONFIDENCE = Method(
    name="enough_confidence",
    source="tts-sums",
    summary="Stops once the confidences of one answer add up to `enough`.",
    recipe=lambda name, budget, params: EnoughConfidence(name, budget, params["enough"]),
    params={"enough": 1.5},
    sweep={"enough": (3.0, 2.0, 1.5, 1.0, 0.8)},
    objective="cost",
)
