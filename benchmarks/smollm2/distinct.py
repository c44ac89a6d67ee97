"""Distinct draws beside the vote of 16 draws, whose own luck is averaged out: a pool holds several times as many.

    python -m benchmarks.smollm2.distinct [--model out/models/smollm2-reasoner] [--samples 64] [--temperature 0.8]

The model is one of examples/finetune.py. For its held-out problems and SVAMP (in the folder $TTS_DATA) the pool of `tts
sample` says how often the vote of any 16 of its draws is right, and what 16 draws cost; `tts run` plays
distinct_best_first. Differences are paired by question, intervals 95 % by a bootstrap over questions. An interrupted
command continues.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.smollm2.reasoner import (
    BARE,
    REPLICATES,
    as_choices,
    data_folder,
    drawn,
    run,
    source_of,
    status_of,
    training_of,
)
from evals.metrics.bootstrap import Bootstrap
from evals.metrics.estimators import maj_curve
from evals.metrics.scored import grades
from tts.errors import InputError
from tts.pool import Entry

STRATEGY = "distinct_best_first"
BUDGET = 16
PLAIN = tuple(f"engine.signals.{key}" for key in ("entropy=false", "certainty=false", "top=0"))


def main() -> int:
    """Measure, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("out/models/smollm2-reasoner"), help="the model's directory")
    parser.add_argument("--out", type=Path, help="the folder of the pools (out/pools/NAME of the model)")
    parser.add_argument("--held-out", type=int, default=500, help="held-out problems (500)")
    parser.add_argument("--svamp", type=int, default=1000, help="problems of SVAMP (1000)")
    parser.add_argument("--samples", type=int, default=64, help="draws of a problem (64)")
    parser.add_argument("--temperature", type=float, default=0.8, help="of the draws (0.8)")
    return status_of(measure, parser.parse_args())


def measure(options: argparse.Namespace) -> None:
    """Draw what is missing and print a line for each set of questions.

    Raises:
        InputError: the model or the data are not there, or there are fewer draws than votes.
    """
    if options.samples < BUDGET:
        raise InputError(f"--samples must be at least {BUDGET}, got {options.samples}")
    form = training_of(options.model)["settings"]["form"]
    data = data_folder()
    folder = options.out or Path("out") / "pools" / options.model.name
    sets = {
        "held-out": ((str(options.model / "held_out.jsonl"),), options.held_out),
        "svamp": (source_of("svamp", data), options.svamp),
    }
    print(f"{options.model}, T = {options.temperature}: {STRATEGY} beside any {BUDGET} of {options.samples} draws")
    print(f"{'questions':<12}{'n':>5}{'vote, %':>9}{'distinct, %':>13}{'difference':>22}{'share of tokens, %':>24}")
    for name, (task, questions) in sets.items():
        if questions < 1:
            continue
        source = as_choices(name, task, folder) if form == "choices" else task
        keys = (*source, str(BARE), f"engine.model={options.model}", f"questions={questions}")
        keys += (f"engine.temperature={options.temperature}", *PLAIN)
        stem = folder / f"{name}_T{options.temperature}"
        pool = drawn(stem.with_name(f"{stem.name}_{options.samples}.sqlite"), (*keys, f"samples={options.samples}"))
        report = stem.with_name(f"{stem.name}_distinct.json")
        live = f"out={stem.with_name(f'{stem.name}_distinct.sqlite')}"
        run(["run", *keys, f"strategies=[{STRATEGY}]", f"budget={BUDGET}", live, "--json", str(report)])
        print(line(name, pool.entries, report), flush=True)


def line(name: str, entries: tuple[Entry, ...], report: Path) -> str:
    """Return a line of the table.

    Args:
        name: the questions.
        entries: the questions with their draws.
        report: the numbers of the live run.
    """
    (played,) = json.loads(report.read_text(encoding="utf-8"))["strategies"]
    decided = {one["id"]: one for one in played["decisions"]}
    rows = np.array([(vote(one), tokens(one), *of(decided[one.problem.id])) for one in entries], dtype=np.float64)
    voted, cost, right, spent = rows.T
    resampled = Bootstrap(len(rows), REPLICATES, 0)
    gap = 100 * (resampled @ (right - voted))
    share = 100 * (resampled @ spent) / (resampled @ cost)
    gaps, shares = (np.percentile(values, [2.5, 97.5]) for values in (gap, share))
    return (
        f"{name:<12}{len(rows):>5}{100 * voted.mean():>9.1f}{100 * right.mean():>13.1f}"
        f"{f'{100 * (right - voted).mean():+.2f} [{gaps[0]:+.2f}, {gaps[1]:+.2f}]':>22}"
        f"{f'{100 * spent.sum() / cost.sum():.1f} [{shares[0]:.1f}, {shares[1]:.1f}]':>24}"
    )


def vote(entry: Entry) -> float:
    """Return the probability that the vote of some draws of a question is right."""
    answers: dict[str, list[bool]] = {}
    for sample, mark in zip(entry.samples, grades(entry), strict=True):
        if sample.answer is not None:
            answers.setdefault(sample.answer, []).append(bool(mark))
    counts = [len(marks) for marks in answers.values()]
    right = [any(marks) for marks in answers.values()]
    return float(maj_curve(counts, right, len(entry.samples) - sum(counts), [BUDGET])[0]) if counts else 0.0


def tokens(entry: Entry) -> float:
    """Return the generated tokens of as many draws as vote, on average."""
    return BUDGET * float(np.mean([sample.usage.generated if sample.usage else 0 for sample in entry.samples]))


def of(decision: dict[str, Any]) -> tuple[float, float]:
    """Return whether a decision is right and the tokens that were generated for it."""
    usage = decision["usage"]
    return float(decision["correct"]), float(usage["delivered"] + usage["aborted"] + usage["scorer_decode"])


if __name__ == "__main__":
    raise SystemExit(main())
