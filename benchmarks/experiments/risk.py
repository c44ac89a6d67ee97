"""Check that certified thresholds keep their promise, by simulation from a population whose true risks are known.

    python -m benchmarks.experiments.risk [--questions 2000] [--runs 5000] [--seed 0]
        [--out docs/results/risk.txt]

The population is a simulated pool, replayed once by GrACE-ES at every threshold: the risk of each threshold (wrong
where self-consistency at the full budget is right) over all its questions and orders is the true one. Each run draws
calibration questions from it with replacement and chooses a threshold. Prints how often the true risk of the chosen
threshold is above alpha, how often a threshold below 1 was chosen, and the mean draws a question at the choice.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from evals.comparison.risk import learn_then_test
from evals.replay.arrays import PoolArrays
from evals.replay.orders import Permutations
from evals.replay.synthetic import synthetic_pool
from evals.replay.vectorised import Candidate, decide
from strategies.catalog import CATALOG

ALPHA, DELTA, BUDGET, ORDERS = 0.02, 0.1, 8, 20
SIZES = (100, 200, 400, 800, 1600)
CHOICES = ("empirical risk <= alpha", "binomial, one order", "Hoeffding-Bentkus, 20 orders")


@dataclass(frozen=True)
class Population:
    """Losses of every threshold, [questions, orders, thresholds], with each threshold's true risk and mean draws."""

    taus: tuple[float, ...]
    losses: NDArray[np.bool_]
    risk: NDArray[np.float64]
    draws: NDArray[np.float64]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=2000, help="of the population")
    parser.add_argument("--runs", type=int, default=5000, help="calibration sets of each size")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/results/risk.txt"))
    options = parser.parse_args()
    population = replayed(options.questions, options.seed)
    slack = int(binom.ppf(0.999, options.runs, DELTA)) / options.runs
    lines = [
        f"population: synthetic pool of {options.questions} questions, {ORDERS} orders, budget {BUDGET}, seed "
        f"{options.seed}; {options.runs} runs a line",
        f"alpha {ALPHA}, delta {DELTA}; a rule that keeps delta stays below {slack:.4f} with probability .999",
        "",
        "tau     " + "".join(f"{tau:7g}" for tau in population.taus),
        "risk    " + "".join(f"{risk:7.4f}" for risk in population.risk),
        "draws   " + "".join(f"{draws:7.2f}" for draws in population.draws),
        "",
        f"{'questions':>9}  {'choice':30} {'risk > alpha':>12} {'tau < 1':>8} {'draws':>6}",
    ]
    for size in SIZES:
        for choice in CHOICES:
            broken, certified, draws = trial(population, choice, size, options.runs, options.seed)
            lines.append(f"{size:9}  {choice:30} {broken:12.4f} {certified:8.4f} {draws:6.2f}")
    text = "\n".join(lines) + "\n"
    print(text, end="")
    options.out.write_text(text)


def replayed(questions: int, seed: int) -> Population:
    """Replay the strategy at every threshold of its grid."""
    arrays = PoolArrays.of(synthetic_pool(questions=questions, samples=BUDGET, seed=seed))
    orders = Permutations(arrays.sizes, count=ORDERS, draws=BUDGET, seed=seed)[np.arange(questions)]
    method = CATALOG["grace_es_ltt"]
    settings = list(method.grid(BUDGET))
    candidates = [
        Candidate(CATALOG["self_consistency"].build(BUDGET)),
        *(Candidate(method.build(BUDGET, s)) for s in settings),
    ]
    reference, *outcomes = decide(arrays, candidates, orders, scores={"recorded": arrays.confidence})
    losses = np.stack([reference.correct & ~outcome.correct for outcome in outcomes], axis=2)
    return Population(
        taus=tuple(s["tau"] for s in settings),
        losses=losses,
        risk=losses.mean(axis=(0, 1)),
        draws=np.array([outcome.used.mean() for outcome in outcomes]),
    )


def trial(population: Population, choice: str, size: int, runs: int, seed: int) -> tuple[float, float, float]:
    """Choose on many calibration sets: (share with true risk > alpha, share with tau < 1, mean draws)."""
    rng = np.random.default_rng([seed, size])
    means = population.losses.mean(axis=1)
    chosen = np.empty(runs, dtype=int)
    for run in range(runs):
        rows = rng.integers(len(means), size=size)
        order = rng.integers(ORDERS, size=size)
        if choice == CHOICES[2]:
            found = learn_then_test(means[rows], alpha=ALPHA, delta=DELTA, bound="hoeffding_bentkus")
        elif choice == CHOICES[1]:
            found = learn_then_test(population.losses[rows, order], alpha=ALPHA, delta=DELTA)
        else:
            found = int(np.flatnonzero(population.losses[rows, order].mean(axis=0) <= ALPHA)[-1])
        chosen[run] = found or 0
    broken = population.risk[chosen] > ALPHA
    return float(broken.mean()), float((chosen > 0).mean()), float(population.draws[chosen].mean())


if __name__ == "__main__":
    main()
