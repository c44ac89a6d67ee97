"""FineCE on the untouched test split: what its confidences of prefixes are worth, and what beams make of them.

    python -m benchmarks.experiments.finece [--questions 500] [--calibration 300] [--seed 2] [--draws 16]
        [--pools out/finece]

Draws the pools (once), fits everything on the calibration split and scores it on the test split: labels against fresh
completions, confidence by position, integration of what follows, the three position strategies, accuracy by coverage,
and beams. Writes what it prints to docs/results/finece_PART.txt; `--parts` names some of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.experiments import finece_traces as traces
from benchmarks.experiments import grace_pools as pools
from benchmarks.experiments.finece_labels import labels
from benchmarks.experiments.finece_positions import REPLICATES, auroc, ece, positions
from benchmarks.experiments.finece_rollouts import looked, table
from benchmarks.experiments.finece_scaling import scaling
from benchmarks.experiments.finece_traces import POSITIONS, Prefixes
from benchmarks.experiments.grace import shown
from evals.metrics import probability, ranking
from evals.metrics.counts import resampled
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from tts.engines.config import EngineConfig
from tts.models.finece import read_card
from tts.pool import Pool
from tts.scorers.finece import Finece
from tts.scorers.trace_scores import value_confidence
from tts.types import End, Problem, Sample

Floats = NDArray[np.float64]
LINES: list[str] = []
PARTS = ("labels", "positions", "integration", "strategies", "coverage", "beams")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="finece", help="the bundled FineCE model, or a directory")
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--calibration", type=int, default=300)
    parser.add_argument("--seed", type=int, default=2, help="of the stories")
    parser.add_argument("--draws", type=int, default=16)
    parser.add_argument("--trees", type=Path, help="the pool.sqlite that `tts train finece` drew, for labels")
    parser.add_argument("--prefixes", type=int, default=300, help="whose labels are checked")
    parser.add_argument("--pools", type=Path, default=Path("out/finece"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--forks", action="store_true", help="draw beams that fork too, an hour more")
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    options = parser.parse_args()
    if options.trees is not None and not options.trees.is_file():
        parser.error(f"--trees {options.trees}: no such file; give the pool.sqlite of what `tts train finece` wrote")
    options.pools.mkdir(parents=True, exist_ok=True)

    def pool(name: str, model: str, split: str, questions: int) -> Pool:
        draws, seed = options.draws, options.seed
        return pools.pool(options.pools, name, model=model, split=split, questions=questions, draws=draws, seed=seed)

    model = EngineConfig(model=options.model, max_batch_size=128)
    assert model.folder is not None
    fit = pool("calibration", options.model, "calibration", options.calibration)
    test = pool("test", options.model, "test", options.questions)
    sides = Prefixes.of(fit), Prefixes.of(test)
    head = (
        f"calibration split: {fit.questions} questions, test split: {test.questions} questions, {options.draws} "
        "samples each;\nwhat is fitted is fitted on the former and scored on the latter; 95 % intervals"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        LINES.clear()
        if part != "labels":
            say(head)
        if part == "labels":
            labels(options.trees, options.prefixes, say)
        elif part == "positions":
            other = pool("grace", "grace", "test", options.questions)
            positions(*sides, (fit, test), other, say)
        elif part == "integration":
            integration(sides[1], test, model)
        elif part == "strategies":
            strategies(sides[1])
        elif part == "coverage":
            coverage(sides[1])
        else:
            other = pool("grace", "grace", "test", options.questions)
            theirs = pool("grace-calibration", "grace", "calibration", options.calibration)
            scaling(fit, test, model, say, seed=options.seed, grace=(theirs, other), forks=options.forks)
        (options.out / f"finece_{part}.txt").write_text("\n".join(LINES) + "\n")


def say(line: str = "") -> None:
    """Print a line and keep it."""
    print(line, flush=True)
    LINES.append(line)


def integration(test: Prefixes, pool: Pool, model: EngineConfig, *, count: int = 400) -> None:
    """Backward Confidence Integration at the first step: one sample a question."""
    assert model.folder is not None
    first = [int(np.flatnonzero(test.question == q)[0]) for q in np.unique(test.question)][:count]
    decode, rows = _decoder(), []
    chosen: list[tuple[Problem, Sample]] = []
    for row in first:
        whole, n = test.samples[row], int(test.at[row, POSITIONS.index("first step")])
        if n >= len(whole.token_ids) - 1:
            continue
        rows.append(row)
        text = decode(whole.token_ids[:n])
        chosen.append(
            (
                pool.entries[int(test.question[row])].problem,
                Sample(text, end=End.BOUNDARY, index=whole.index, token_ids=whole.token_ids[:n]),
            )
        )
    scorer = Finece(read_card(model.folder))
    looks = [looked(scorer, model, chosen, width, depth) for depth in (1, 2) for width in (2, 4)]
    local = looks[0].confidence(1.0)
    say(f"\n## Backward Confidence Integration at the first step of one sample each of {len(rows)} test questions")
    say("(does that sample end well?); with w = 0 or d = 0 it is the local confidence; tokens drawn a prefix")
    for line in table(local, looks, (0.3, 0.5, 0.7), test.correct[rows], test.question[rows]):
        say(line)


def _decoder() -> Any:
    from transformers import AutoTokenizer

    from tts.models.bundled import weights

    tokenizer = AutoTokenizer.from_pretrained(weights())
    return lambda ids: tokenizer.decode(list(ids), skip_special_tokens=True)


def strategies(test: Prefixes) -> None:
    """Print check positions: paragraph ends, every 30 tokens, or high entropy (the paper's Table IV)."""
    say("\n## Where to look: ECE and AUROC at the first such place, ECE and AUROC over all such places of a sample")
    say("(every place counts once), and the share of the answer's tokens in front of the first")
    say(f"{'strategy':28}{'ECE p1':>22}{'AUROC p1':>22}{'ECE all':>10}{'AUROC all':>11}{'tokens':>9}{'places':>8}")
    confidences = [np.array(value_confidence(sample.trace)) for sample in test.samples]
    questions = len(np.unique(test.question))
    times = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions)

    def entropy(bar: float) -> Any:
        return lambda s: [i + 1 for i, h in enumerate(s.trace.entropy[:-1]) if h > bar]

    rules: Mapping[str, Any] = {
        "paragraph end": lambda s: [i + 1 for i, step in enumerate(s.trace.steps[:-1]) if step],
        "every 30 tokens": lambda s: list(range(30, len(s.token_ids) - 1, 30)),
        "entropy > 1e-10 nats": entropy(1e-10),
        "entropy > 1 nat": entropy(1.0),
        "entropy > 2 nats": entropy(2.0),
    }
    for name, rule in rules.items():
        places = [rule(sample) or [len(sample.token_ids) - 1] for sample in test.samples]
        first = np.array([c[at[0]] for c, at in zip(confidences, places, strict=True)])
        share = np.mean([at[0] / (len(s.token_ids) - 1) for s, at in zip(test.samples, places, strict=True)])
        counts = [len(at) for at in places]
        every = np.concatenate([c[at] for c, at in zip(confidences, places, strict=True)])
        scored = ScoredSamples.of(every, np.repeat(test.correct, counts), np.repeat(test.question, counts))
        plain = next(iter(resampled(scored, np.ones((1, scored.questions)))))
        say(
            f"{name:28}{shown(*ece(first, test, times)):>22}{shown(*auroc(first[:, None], test, times)):>22}"
            f"{float(probability.ece_equal_width(plain)[0]):10.3f}{float(ranking.auroc(plain)[0]):11.3f}"
            f"{100 * share:8.1f}%{np.mean(counts):8.2f}"
        )


def coverage(test: Prefixes) -> None:
    """Accuracy of single samples where those under a confidence are rejected."""
    say("\n## Single samples, those of least confidence rejected: accuracy of the rest")
    shares = (1.0, 0.9, 0.75, 0.5, 0.25, 0.1)
    head = "".join(f"{f'{100 * c:.0f} % kept':>12}" for c in shares)
    say(f"{'judged at':20}{head}{'over 0.8: kept':>18}{'accuracy':>10}")
    found = traces.finece(test)
    for name in ("question", "first step", "50 %", "last step but one", "answer"):
        confidence = found[:, POSITIONS.index(name)]
        scored = ScoredSamples.of(confidence, test.correct, test.question)
        plain = next(iter(resampled(scored, np.ones((1, scored.questions)))))
        cells = "".join(f"{value:12.3f}" for value in ranking.selective_accuracy(plain, shares)[0])
        over = confidence > 0.8
        accuracy = f"{test.correct[over].mean():10.3f}" if over.any() else f"{'none':>10}"
        say(f"{name:20}{cells}{100 * over.mean():17.1f}%{accuracy}")


if __name__ == "__main__":
    main()
