"""Stacks of a pool's log-probabilities with and without their roots, beside the mean log-probability alone.

    python -m benchmarks.experiments.stacks POOL

The samples need grades and log-probabilities; those of a GrACE model are stacked with its confidence, too. Weights are
cross-fitted by halves of the questions. Prints AUROC and AUROC within questions, each beside that of the mean
log-probability on the same samples, ECE and Brier score; intervals are 95 %, by a bootstrap over questions.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.experiments.grace import REPLICATES, calibrated, measured, shown
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from evals.replay.rescore import rescored, stacked
from tts.pool import Pool, load_pool
from tts.scorers.stacking.features import FEATURES, LOGPROB_FEATURES

ALONE = "mean_logprob"
RANKS = ("auroc", "within")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pool", type=Path, help="a pool of graded samples")
    table(load_pool(parser.parse_args().pool))


def table(pool: Pool) -> None:
    """Print a row for each stack."""
    scores = {name: ScoredSamples.of_pool(one) for name, one in stacks(pool).items()}
    questions = scores[ALONE].questions
    times, once = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions), np.ones((1, questions))
    plain = {name: measured(one, once) for name, one in scores.items()}
    spread = {name: measured(one, times) for name, one in scores.items()}
    heads = ("AUROC", "minus it", "within questions", "minus it")
    print(f"{ALONE + ' and':30}" + "".join(f"{head:>26}" for head in heads) + f"{'ECE':>8}{'Brier':>8}")
    for name, one in scores.items():
        cells: list[str] = []
        for key in RANKS:
            gap, gaps = plain[name][key][0] - plain[ALONE][key][0], spread[name][key] - spread[ALONE][key]
            cells += [shown(plain[name][key][0], spread[name][key]), shown(gap, gaps, sign=True)]
        found = None if name == ALONE else calibrated(one, once)
        right = "" if found is None else f"{found['ece'][0]:8.3f}{found['brier'][0]:8.4f}"
        print(f"{name:30}" + "".join(f"{cell:>26}" for cell in cells) + right)


def stacks(pool: Pool) -> dict[str, Pool]:
    """Return the pool with each score as its confidences."""
    sets = {"stacked": LOGPROB_FEATURES}
    if any(sample.trace.watched for entry in pool.entries[:1] for sample in entry.samples):
        sets["stacked with GrACE"] = FEATURES
    found = {ALONE: rescored(pool, ALONE)}
    for name, features in sets.items():
        found[f"{name}, no roots"] = stacked(pool, features=[one for one in features if not one.endswith("_root")])
        found[name] = stacked(pool, features=features)
    return found


if __name__ == "__main__":
    main()
