"""GrACE on the untouched test split: what its confidences are worth, and what strategies make of them.

    python -m benchmarks.experiments.grace [--questions 600] [--calibration 300] [--seed 2] [--draws 16]
        [--pools out/grace]

Draws the pools (once), fits everything on the calibration split and scores it on the test split: generation before and
after training, every confidence beside every other, test-time scaling, and pruning in flight. The stories are those of
a seed of their own: questions of seeds 0 and 1 were looked at while the methods were made. Writes what it prints to
docs/results/grace.txt.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments import grace_pools as pools
from evals.metrics import probability, ranking
from evals.metrics.counts import resampled
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_interval, bootstrap_weights
from evals.replay.arrays import PoolArrays
from evals.replay.rescore import stacked
from tts.pool import Pool
from tts.scorers.asking import Verbalised
from tts.scorers.calibration.maps import fit_map
from tts.scorers.stacking.features import FEATURES

Floats = NDArray[np.float64]
REPLICATES = 2000
LINES: list[str] = []


@dataclass(frozen=True)
class Score:
    """A confidence on both splits."""

    name: str
    fit: Pool
    test: Pool
    free: bool = True


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="grace", help="the bundled GrACE model, or a directory")
    parser.add_argument("--questions", type=int, default=600)
    parser.add_argument("--calibration", type=int, default=300)
    parser.add_argument("--seed", type=int, default=2, help="of the stories")
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--pools", type=Path, default=Path("out/grace"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/grace.txt"))
    options = parser.parse_args()
    options.pools.mkdir(parents=True, exist_ok=True)

    def drawn(name: str, model: str, split: str, questions: int) -> Pool:
        draws, seed = options.draws, options.seed
        return pools.pool(options.pools, name, model=model, split=split, questions=questions, draws=draws, seed=seed)

    fit = drawn("calibration", options.model, "calibration", options.calibration)
    test = drawn("test", options.model, "test", options.questions)
    base = drawn("base", "tiny", "test", options.questions)
    say(
        f"calibration split: {fit.questions} questions, test split: {test.questions} questions, {options.draws} "
        "samples each;\nwhat is fitted is fitted on the former and scored on the latter; 95 % intervals over questions"
    )
    generation(base, test)
    scores, missing = every_score(fit, test)
    confidences(scores, missing)
    from benchmarks.experiments.grace_scaling import scaling

    scaling({score.name: (score.fit, score.test) for score in scores}, say, budget=options.draws)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(LINES) + "\n")


def say(line: str = "") -> None:
    """Print a line and keep it."""
    print(line, flush=True)
    LINES.append(line)


def generation(base: Pool, tuned: Pool) -> None:
    """Print the accuracy before and after training for confidence, paired by question."""
    say("\n## Generation: the base model and the tuned one, paired by question")
    rates = [[np.mean([bool(c) for c in entry.correct]) for entry in pool.entries] for pool in (base, tuned)]
    votes = [majority(pool) for pool in (base, tuned)]
    tokens = [[np.mean([len(s.token_ids) for s in entry.samples]) for entry in pool.entries] for pool in (base, tuned)]
    weights = bootstrap_weights(base.questions, REPLICATES, 0)
    say(f"{'':22}{'base':>8}{'tuned':>8}{'difference':>12}")
    for name, (before, after) in (("one draw", rates), ("majority of all", votes), ("tokens a draw", tokens)):
        difference = np.array(after, dtype=np.float64) - np.array(before, dtype=np.float64)
        low, high = bootstrap_interval(difference, weights)
        say(
            f"{name:22}{np.mean(before):8.4f}{np.mean(after):8.4f}{difference.mean():+12.4f} "
            f"[{float(low):+.4f}, {float(high):+.4f}]"
        )


def majority(pool: Pool) -> list[float]:
    """Return whether the most frequent answer of each question is right; ties count by their share."""
    arrays = PoolArrays.of(pool, answers="number")
    out = []
    for labels, right in zip(arrays.labels, arrays.class_correct, strict=True):
        counts = np.bincount(labels[labels >= 0], minlength=1)
        leaders = np.flatnonzero(counts == counts.max()) if counts.any() else np.empty(0, dtype=int)
        out.append(float(right[leaders].mean()) if len(leaders) else 0.0)
    return out


def every_score(fit: Pool, test: Pool) -> tuple[list[Score], dict[str, str]]:
    """All confidences on both splits, and why those are missing that are."""
    found = [Score(name, pools.read(fit, name), pools.read(test, name)) for name in pools.TRAINING_FREE]
    missing = {}
    for name, scorer in (("p_true", pools.p_true()), ("verbalised", Verbalised())):
        both = [pools.asked(pool, scorer) for pool in (fit, test)]
        if isinstance(both[0], Pool) and isinstance(both[1], Pool):
            found.append(Score(name, both[0], both[1]))
        else:
            missing[name] = str(next(one for one in both if isinstance(one, str)))
    found += [Score(name, pools.read(fit, name), pools.read(test, name), False) for name in pools.GRACE]
    for name, features in (
        ("stacked", FEATURES),
        ("stacked, no trace", tuple(f for f in FEATURES if f not in ("grace_min", "grace_step"))),
        ("stacked, no token", tuple(f for f in FEATURES if not f.startswith("grace"))),
    ):
        halves = stacked(fit, features=features)
        found.append(Score(name, halves, pools.stacked(fit, test, features), False))
    found.append(Score("hidden-state probe", *pools.probed(fit, test), False))
    found.append(Score("frequency", pools.read(fit, "frequency"), pools.read(test, "frequency"), False))
    return found, missing


def confidences(scores: Sequence[Score], missing: dict[str, str]) -> None:
    """Every confidence, raw and Platt-scaled, and its AUROC paired with GrACE's."""
    say("\n## Confidences of single samples (answered samples of the test split)")
    scored = {score.name: ScoredSamples.of_pool(score.test) for score in scores}
    (questions,) = {one.questions for one in scored.values()}
    times = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions)
    replicas = {name: measured(one, times) for name, one in scored.items()}
    plain = {name: measured(one, np.ones((1, questions))) for name, one in scored.items()}
    columns = ("AUROC", "within questions", "GrACE's AUROC minus it")
    say(f"{'score':20}" + "".join(f"{name:>26}" for name in columns))
    for score in scores:
        name = score.name
        cells = [shown(plain[name][key][0], replicas[name][key]) for key in ("auroc", "within")]
        gap = replicas["grace"]["auroc"] - replicas[name]["auroc"]
        value = plain["grace"]["auroc"][0] - plain[name]["auroc"][0]
        cells.append("" if name == "grace" else shown(value, gap, sign=True))
        say(f"{name:20}" + "".join(f"{cell:>26}" for cell in cells) + ("" if score.free else "  *"))
    say("* not training-free: trained, fitted on the calibration split, or (frequency) seen only with all samples")
    for name, why in missing.items():
        say(f"{name}: none ({why})")
    free = [score.name for score in scores if score.free]
    for name in ("grace", "stacked"):
        worst = min((float(np.quantile(replicas[name]["auroc"] - replicas[f]["auroc"], 0.025)), f) for f in free)
        verdict = "above every training-free score" if worst[0] > 0 else "NOT above every training-free score"
        say(f"{name}: {verdict}; the least lower end of a paired difference is {worst[0]:+.4f} ({worst[1]})")
    say("")
    say(f"{'score':20}{'ECE, raw':>26}{'Brier, raw':>26}{'ECE, Platt':>26}{'Brier, Platt':>26}")
    for score in scores:
        one = scored[score.name]
        fitted = platt(score, one)
        cells = []
        for version in (one, fitted):
            if not version.probabilities:
                cells += ["not a probability", ""]
                continue
            value, spread = (calibrated(version, np.ones((1, questions))), calibrated(version, times))
            cells += [shown(value[key][0], spread[key]) for key in ("ece", "brier")]
        say(f"{score.name:20}" + "".join(f"{cell:>26}" for cell in cells))
    say(f"ECE: {probability.BINS} bins of equal width; its interval is the bootstrap's, which leans upwards.")
    say("Platt: fitted on the calibration split.")


def platt(score: Score, test: ScoredSamples) -> ScoredSamples:
    """The test split through a Platt map of the calibration split."""
    fit = ScoredSamples.of_pool(score.fit)
    values = fit_map("platt", fit.confidence, fit.correct)(test.confidence)
    return ScoredSamples(np.asarray(values, dtype=np.float64), test.correct, test.question)


def measured(scored: ScoredSamples, times: Floats) -> dict[str, Floats]:
    """Ranking metrics of resamples of the questions."""
    parts = [(ranking.auroc(c), ranking.within_question_auroc(c)) for c in resampled(scored, times)]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(("auroc", "within"))}


def calibrated(scored: ScoredSamples, times: Floats) -> dict[str, Floats]:
    """Calibration metrics of resamples of the questions."""
    parts = [(probability.ece_equal_width(c), probability.brier(c)) for c in resampled(scored, times)]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(("ece", "brier"))}


def shown(value: Any, replicas: Floats, *, sign: bool = False) -> str:
    """A value with its interval."""
    low, high = np.quantile(replicas, [0.025, 0.975])
    form = "+.3f" if sign else ".3f"
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


if __name__ == "__main__":
    main()
