"""A new stopping rule: compare it on a pool, then run the same object live.

python examples/own_rule.py
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG, Method
from strategies.evidence import Evidence
from strategies.stopping import Answer, AnyWeighting
from strategies.vote import Vote
from tts.engines.fake.engine import FakeEngine, extract
from tts.runtime.driver import Options, run_all
from tts.scorers.watched import WatchedScorer


@dataclass(frozen=True)
class Agreed(AnyWeighting):
    """Stop once the last ``streak`` samples agree and the latest one is confident enough."""

    streak: int = 2
    confidence: float = 0.6
    name: ClassVar[str] = "agreed"
    answer: ClassVar[Answer] = "current"
    needs_confidence: ClassVar[bool] = True

    def fires(self, evidence: Evidence) -> Any:
        """Return whether to stop; the evidence holds numbers live and arrays in a replay."""
        return (evidence.streak >= self.streak) & (evidence.confidence >= self.confidence)


def main() -> None:
    """Compare on simulated samples, then drive the fake engine."""
    mine = Method(
        name="agreed",
        source="own",
        summary="Stops at two equal answers in a row, the second one confident.",
        recipe=lambda name, budget, params: Vote(name, budget, stop=(Agreed(),)),
    )
    arrays = PoolArrays.of(synthetic_pool(questions=200, samples=16))
    for row in compare(arrays, [mine, CATALOG["adaptive_consistency"]], Settings(budget=16)):
        point = row.point
        print(f"{row.name:22} accuracy {point.accuracy:.3f}  samples {point.samples:5.2f}  {row.difference.verdict}")

    engine = FakeEngine(seed=1)
    results = asyncio.run(
        run_all(
            mine.build(16),
            engine.problems(100),
            engine,
            extract=extract,
            scorer=WatchedScorer(),
            options=Options(lookahead=1),
        )
    )
    right = sum(r.decision.answer == r.problem.gold for r in results)
    samples = sum(len(r.decision.samples) for r in results)
    aborted = sum(r.decision.usage.aborted for r in results if r.decision.usage)
    print(f"live: {right} of {len(results)} right, {samples / len(results):.2f} samples each, {aborted} tokens aborted")


if __name__ == "__main__":
    main()
