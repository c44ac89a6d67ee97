"""Overhead of the driver per sample, with 500 questions in flight on the fake engine without latency.

    python -m benchmarks.driver [--questions 500] [--in-flight 500] [--rounds 25]

The same draws are streamed twice in turn: bare (one task per question in flight reads the engine's streams) and through
the driver with a strategy. The difference in processor time per sample is the overhead of driver and strategy. It is
printed between the best rounds of each, which other processes disturb least, and as the median of the pairs.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import time
from contextlib import aclosing

from strategies.catalog import CATALOG
from strategies.vote import Vote
from tts.engines.base import Request
from tts.engines.fake.engine import FakeEngine, extract
from tts.runtime.driver import Options, run
from tts.scorers.watched import WatchedScorer
from tts.types import Problem


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500, help="questions to draw samples for")
    parser.add_argument("--in-flight", type=int, default=500, help="questions in flight at a time")
    parser.add_argument("--rounds", type=int, default=25, help="pairs of measurements of each strategy")
    options = parser.parse_args()
    problems = FakeEngine.problems(options.questions)
    flight = options.in_flight
    print(f"{options.questions} questions, {flight} in flight, Python {platform.python_version()}")
    head = f"{'strategy':26} {'samples':>8} {'bare, us':>9} {'driver, us':>11}"
    print(f"{head} {'overhead':>9} {'(pairs)':>9} {'ratio':>6}")
    for name in ("self_consistency", "adaptive_consistency", "grace_es"):
        strategy = CATALOG[name].build(16)
        bare, driven, samples = [], [], 0
        for _ in range(options.rounds):
            took, drawn = asyncio.run(through_driver(strategy, problems, flight))
            driven.append(took)
            samples = sum(drawn.values())
            bare.append(asyncio.run(without(problems, flight, drawn, whole=name == "self_consistency")))
        a, b = min(bare) / samples * 1e6, min(driven) / samples * 1e6
        pairs = statistics.median(y - x for x, y in zip(bare, driven, strict=True)) / samples * 1e6
        print(f"{name:26} {samples:8} {a:9.1f} {b:11.1f} {b - a:9.1f} {pairs:9.1f} {b / a:6.2f}")


async def through_driver(strategy: Vote, problems: list[Problem], flight: int) -> tuple[float, dict[str, int]]:
    """Return the processor seconds and the samples drawn for each problem id, with a strategy."""
    engine = FakeEngine(stream_interval=16)
    drawn = {}
    started = time.process_time()
    async for result in run(
        strategy,
        problems,
        engine,
        extract=extract,
        scorer=WatchedScorer() if strategy.requires.confidence else None,
        options=Options(concurrency=flight),
    ):
        drawn[result.problem.id] = len(result.decision.samples)
    took = time.process_time() - started
    assert engine.running_most >= flight
    return took, drawn


async def without(problems: list[Problem], flight: int, drawn: dict[str, int], *, whole: bool) -> float:
    """Return the processor seconds that reading the same streams takes without the driver.

    Args:
        problems: the questions.
        flight: questions in flight at a time.
        drawn: samples to draw for each problem id.
        whole: whether all samples of a question start at once.
    """
    engine = FakeEngine(stream_interval=16)

    async def one(problem: Problem, index: int) -> None:
        async with aclosing(engine.sample(Request(problem, index))) as stream:  # type: ignore[type-var]
            async for _ in stream:
                pass

    async def worker() -> None:
        for problem in waiting:
            if whole:
                await asyncio.gather(*(one(problem, i) for i in range(drawn[problem.id])))
            else:
                for i in range(drawn[problem.id]):
                    await one(problem, i)

    waiting = iter(problems)
    started = time.process_time()
    await asyncio.gather(*(worker() for _ in range(flight)))
    return time.process_time() - started


if __name__ == "__main__":
    main()
