"""Peak memory and time of the default comparison of a large synthetic pool, in a process of its own.

    python -m benchmarks.comparison [--questions 20000] [--samples 64] [--permutations 200] [--tune] [--seed 0]

The pool is simulated as arrays, without texts or traces: what is measured is the comparison. Prints the bytes of the
arrays, the seconds of each part of the comparison, and the largest memory of the process.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.comparison.curves import curves
from evals.comparison.frontier import frontiers
from evals.comparison.paired import Comparison
from evals.comparison.settings import Settings
from evals.comparison.table import table
from evals.replay.arrays import PoolArrays
from strategies.catalog import METHODS

Array = NDArray[Any]
ANSWERS = 8
"""Answers of a question, the first one right and the second one a trap."""


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=64, help="of a question; also the budget")
    parser.add_argument("--permutations", type=int, default=200, help="orders of each question's samples to replay")
    parser.add_argument("--tune", action="store_true", help="sweep every threshold, too")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pool and of the comparison")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        compare(options.questions, options.samples, options.permutations, options.tune, options.seed)
        return
    print(
        f"{options.questions} questions x {options.samples} samples x {options.permutations} permutations, "
        f"Python {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores",
        flush=True,
    )
    subprocess.run([sys.executable, "-m", "benchmarks.comparison", *sys.argv[1:], "--here"], check=True)


def compare(questions: int, samples: int, permutations: int, tune: bool, seed: int) -> None:
    """Play the comparison in this process, and print what each part takes."""
    arrays = simulated(questions, samples, seed)
    parts = [arrays.labels, arrays.confidence, arrays.tokens, arrays.prompt, arrays.cached]
    held = sum(part.nbytes for part in parts if part is not None)
    print(f"arrays: {held / 1e9:.2f} GB, {held / (questions * samples):g} B a sample; {memory()}", flush=True)
    methods = [m for m in METHODS if not (m.requires.watched or m.requires.signals.top)]
    settings = Settings(samples, permutations=permutations, seed=seed)
    started = time.perf_counter()
    comparison = Comparison.of(arrays, settings, methods, fitted=True)
    rows = table(comparison, methods)
    started = said(f"{len(rows)} strategies at {len(settings.sizes)} budgets", started)
    if tune:
        swept = sum(len(frontier.sweep) for frontier in frontiers(comparison, methods))
        started = said(f"frontiers of {swept} settings", started)
    curves(arrays, samples, seed=seed)
    said("exact curves", started)


def said(part: str, started: float) -> float:
    """Print the seconds of a part and the memory so far; return the time."""
    print(f"{part}: {time.perf_counter() - started:.0f} s; {memory()}", flush=True)
    return time.perf_counter()


def memory() -> str:
    """Return the largest memory of this process so far, in words."""
    scale = 1 if sys.platform == "darwin" else 1024
    return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e9:.2f} GB"


def simulated(questions: int, samples: int, seed: int) -> PoolArrays:
    """Simulate answers, confidences and tokens as :func:`evals.replay.synthetic.synthetic_pool` does."""
    rng, shape = np.random.default_rng(seed), (questions, samples)
    labels, confidence, tokens = np.empty(shape, dtype=np.int16), np.empty(shape), np.empty(shape)
    for start in range(0, questions, 5_000):
        rows = slice(start, start + 5_000)
        part = labels[rows].shape
        skill, favourite = rng.beta(1.6, 0.9, (part[0], 1)), rng.beta(1.5, 1.0, (part[0], 1))
        right = rng.random(part) < skill
        wrong = np.where(rng.random(part) < favourite, 1, rng.integers(2, ANSWERS, part))
        labels[rows] = np.where(right, 0, np.where(rng.random(part) < 0.04, -1, wrong))
        logit = 0.7 * np.log(skill / (1 - skill)) + np.where(right, 0.35, -0.35) + rng.normal(0, 0.9, part)
        confidence[rows] = (1 / (1 + np.exp(-logit))).round(4)
        tokens[rows] = rng.lognormal(np.where(right, 4.6, 4.8), 0.3).round()
    prompt = np.zeros(shape)
    prompt[:, 0] = 100.0
    correct = np.zeros((questions, ANSWERS), dtype=bool)
    correct[:, 0] = True
    return PoolArrays(
        ids=tuple(f"q{q}" for q in range(questions)),
        sizes=np.full(questions, samples),
        labels=labels,
        class_correct=correct,
        classes=(tuple(str(k) for k in range(ANSWERS)),) * questions,
        confidence=confidence,
        tokens=tokens,
        tiers={},
        conflicts=0,
        prompt=prompt,
        cached=prompt[:, ::-1].copy(),
    )


if __name__ == "__main__":
    main()
