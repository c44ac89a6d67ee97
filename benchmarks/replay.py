"""Speed ratio of the vectorised replay to a Python loop, on the same samples with identical decisions.

    python -m benchmarks.replay POOL [--permutations 200] [--loop-permutations 200] [--seed 0]

Prints the seconds of both paths for ten strategies, their ratio, whether every decision was identical, the peak memory,
and the draws per second of the generator path through the replay engine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.naive import LOOPS
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.replay import replay
from evals.replay.scores import Scores
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG
from tts.engines.replay import ReplayEngine
from tts.pool import Pool, load_pool
from tts.runtime.driver import run_all


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", help="a pool file")
    parser.add_argument("--permutations", type=int, default=200, help="orders of each question's samples to replay")
    parser.add_argument("--loop-permutations", type=int, default=200, help="orders among them that the loop replays")
    parser.add_argument("--seed", type=int, default=0, help="seed of the orders")
    options = parser.parse_args()
    pool = load_pool(options.pool)
    arrays = PoolArrays.of(pool)
    budget = int(arrays.sizes.min())
    size = f"{pool.questions} questions x {budget} samples x {options.permutations} permutations"
    print(f"{size}, Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores")
    vectorised(arrays, budget, options.permutations, options.loop_permutations, options.seed)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    generators(pool, arrays, budget, options.seed)


def vectorised(arrays: PoolArrays, budget: int, count: int, loop_count: int, seed: int) -> None:
    """Time both paths and compare every decision."""
    started = time.perf_counter()
    permutations = Permutations(arrays.sizes, count=count, draws=budget, seed=seed)
    scores: dict[str, Any] = {
        "recorded": None,
        "oracle": arrays.sample_correct.astype(np.float64),
        "random": np.random.default_rng(seed).random(arrays.labels.shape),
    }
    candidates = [Candidate(CATALOG[name].build(budget), read) for name, (_, read) in LOOPS.items()]
    replay(arrays, candidates, permutations, scores=scores)
    whole = time.perf_counter() - started
    orders = permutations[np.arange(arrays.questions), :loop_count]
    decided = every_decision(arrays, candidates, orders, scores)
    print(f"{'strategy':32} {'loop, s':>9} {'identical decisions':>20}")
    loop_whole, decisions = 0.0, 0
    for (name, (play, read)), (correct_there, used_there) in zip(LOOPS.items(), decided, strict=True):
        started = time.perf_counter()
        same = 0
        for q in range(arrays.questions):
            labels = arrays.labels[q].tolist()
            values = (scores[read] if scores[read] is not None else scores["oracle"])[q].tolist()
            right = arrays.class_correct[q].tolist()
            for p, order in enumerate(orders[q].tolist()):
                answer, used = play([labels[i] for i in order], [values[i] for i in order])
                correct = answer >= 0 and right[answer]
                same += used == used_there[q, p] and correct == correct_there[q, p]
        took = time.perf_counter() - started
        loop_whole += took
        total = arrays.questions * loop_count
        decisions += total
        print(f"{name:32} {took:9.2f} {same:>9} of {total}")
        assert same == total, f"{name} decides differently"
    loop_whole *= count / loop_count
    ratio = loop_whole / whole
    print(f"{len(LOOPS)} strategies: loop {loop_whole:.1f} s, all rows at once {whole:.2f} s, ratio {ratio:.0f}")


def every_decision(
    arrays: PoolArrays, candidates: list[Candidate], orders: NDArray[Any], scores: Scores
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return the correctness and the draws of every decision of each candidate, [questions, permutations]."""
    found: list[list[Any]] = [[] for _ in candidates]
    for start in range(0, arrays.questions, 50):
        rows = np.arange(start, min(start + 50, arrays.questions))
        for one, mine in zip(decide(arrays, candidates, orders[rows], scores=scores, rows=rows), found, strict=True):
            mine.append((one.correct, one.used))
    return [tuple(np.concatenate(parts) for parts in zip(*mine, strict=True)) for mine in found]


def generators(pool: Pool, arrays: PoolArrays, budget: int, seed: int) -> None:
    """Print the draws per second of the generator path, all questions through the driver over the replay engine."""
    samples = {
        entry.problem.id: [
            replace(s, answer=None if k < 0 else arrays.classes[q][k])
            for s, k in zip(entry.samples, arrays.labels[q], strict=False)
        ]
        for q, entry in enumerate(pool.entries)
    }
    order = Permutations(arrays.sizes, count=1, draws=budget, seed=seed)[np.arange(arrays.questions)]
    engine = ReplayEngine(samples).permuted({e.problem.id: order[q, 0] for q, e in enumerate(pool.entries)})
    problems = [entry.problem for entry in pool.entries]
    for name in ("self_consistency", "adaptive_consistency", "esc", "certified_self_consistency"):
        strategy = CATALOG[name].build(budget)
        best = float("inf")
        for _ in range(5):
            started = time.perf_counter()
            results = asyncio.run(run_all(strategy, problems, engine))
            best = min(best, time.perf_counter() - started)
        draws = sum(len(result.decision.samples) for result in results)
        print(f"generator path, {name:28} {draws:6} draws, {draws / best:9,.0f} a second")


if __name__ == "__main__":
    main()
