"""What the driver costs a sample, 500 questions in flight on the fake engine without latency.

    python -m benchmarks.driver [--questions 500] [--rounds 7]

The same draws are streamed twice in turn: bare (one task a question that reads the engine's streams) and through the
driver with a strategy. The difference a sample is the driver's and the strategy's overhead.
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
from tts.driver import Options, run_all
from tts.engines.base import Request
from tts.engines.fake import FakeEngine, WatchedScorer, extract
from tts.types import Problem


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    problems = FakeEngine.problems(options.questions)
    print(f"{options.questions} questions in flight, Python {platform.python_version()}")
    print(
        f"{'strategy':26} {'samples':>8} {'bare, us':>9} {'driver, us':>11} {'overhead, us a sample':>22} {'ratio':>6}"
    )
    for name in ("self_consistency", "adaptive_consistency", "grace_es"):
        strategy = CATALOG[name].build(16)
        bare, driven, samples = [], [], 0
        for _ in range(options.rounds):
            took, drawn = asyncio.run(through_driver(strategy, problems))
            driven.append(took)
            samples = sum(drawn.values())
            bare.append(asyncio.run(without(problems, drawn, whole=name == "self_consistency")))
        a, b = statistics.median(bare) / samples * 1e6, statistics.median(driven) / samples * 1e6
        print(f"{name:26} {samples:8} {a:9.1f} {b:11.1f} {b - a:22.1f} {b / a:6.2f}")


async def through_driver(strategy: Vote, problems: list[Problem]) -> tuple[float, dict[str, int]]:
    """(seconds, samples drawn for each problem)."""
    engine = FakeEngine(stream_interval=16)
    started = time.perf_counter()
    results = await run_all(
        strategy,
        problems,
        engine,
        extract=extract,
        scorer=WatchedScorer() if strategy.needs_confidence else None,
        options=Options(concurrency=len(problems)),
    )
    took = time.perf_counter() - started
    assert engine.running_most >= len(problems)
    return took, {r.problem.id: len(r.decision.samples) for r in results}


async def without(problems: list[Problem], drawn: dict[str, int], *, whole: bool) -> float:
    """Seconds to read the same streams with nothing around them; ``whole`` starts all of a question at once."""
    engine = FakeEngine(stream_interval=16)

    async def one(problem: Problem, index: int) -> None:
        async with aclosing(engine.sample(Request(problem, index))) as stream:  # type: ignore[type-var]
            async for _ in stream:
                pass

    async def question(problem: Problem) -> None:
        if whole:
            await asyncio.gather(*(one(problem, i) for i in range(drawn[problem.id])))
        else:
            for i in range(drawn[problem.id]):
                await one(problem, i)

    started = time.perf_counter()
    await asyncio.gather(*(question(problem) for problem in problems))
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
