"""Confidences of a fine-tuned model on problems that people wrote: GrACE beside all of its rivals, on the same samples.

    python -m benchmarks.smollm2.confidence [--base out/models/smollm2-reasoner] [--model out/models/smollm2-grace]
        [--scorer NAME=DIRECTORY ...] [--judge out/models/smollm2] [--temperature 1.0] [--only base]

The model is one of `tts train grace` that was trained on responses of the base, which is one of examples/finetune.py.
Both answer the base's held-out problems and SVAMP (in the folder $TTS_DATA) through `tts sample`. A grown model keeps
its base's text: --only model leaves the base out. --only base compares the scores that need no training, and the stack
of log-probabilities. Scorers score the samples through `tts score`: those of directories, and with --judge the
questions that P(True) and verbalised confidence put to an untuned chat model. An interrupted command continues. What
is fitted, the weights of stacking and Platt's maps, is fitted on the other half of the questions. Intervals are 95 %,
by a bootstrap over questions.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.experiments.grace import calibrated, generation, measured, shown
from benchmarks.experiments.grace_pools import GRACE, TRAINING_FREE
from benchmarks.smollm2.reasoner import BARE, CHAT, data_folder, drawn, run, source_of, status_of, training_of
from evals.metrics.scored import ScoredSamples, grades
from evals.metrics.stats import bootstrap_weights
from evals.replay.rescore import rescored, stacked
from tts.pool import Pool, load_pool
from tts.scorers.stacking.features import FEATURES, LOGPROB_FEATURES

REPLICATES = 2000
ASKED = ("p_true", "verbalised")
OF_ALL = ("semantic_entropy", "semantic_entropy_discrete", "cocoa_msp", "cocoa_ppl", "frequency")
"""Scores that are known once all samples are."""
STACKED = {
    "stacked": FEATURES,
    "stacked, no trace": tuple(name for name in FEATURES if name not in ("grace_min", "grace_step")),
    "stacked, no token": tuple(name for name in FEATURES if not name.startswith("grace")),
}


def main() -> int:
    """Measure, print the tables, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=Path("out/models/smollm2-reasoner"), help="the model before")
    parser.add_argument("--model", type=Path, default=Path("out/models/smollm2-grace"), help="the GrACE model")
    parser.add_argument("--only", choices=("base", "model"), help="draw from one of both alone")
    parser.add_argument("--scorer", action="append", default=[], metavar="NAME=DIRECTORY", help="a trained rival")
    parser.add_argument("--judge", type=Path, help="the chat model that is asked about the answers")
    parser.add_argument("--out", type=Path, help="the folder of the pools (out/pools/NAME of the model)")
    parser.add_argument("--held-out", type=int, default=500, help="held-out problems (500)")
    parser.add_argument("--svamp", type=int, default=1000, help="problems of SVAMP (1000)")
    parser.add_argument("--samples", type=int, default=16, help="draws of a problem (16)")
    parser.add_argument("--temperature", type=float, default=1.0, help="of the draws (1.0)")
    return status_of(measure, parser.parse_args())


def measure(options: argparse.Namespace) -> None:
    """Draw and score what is missing, and print the tables of both sets of questions.

    Raises:
        InputError: a model or the data are not there.
    """
    form = str(CHAT if training_of(options.base)["settings"]["form"] == "chat" else BARE)
    data = data_folder()
    folder = options.out or Path("out") / "pools" / options.model.name
    scorers = {
        name: (f"engine.model={options.model}", f"scorer={{name: {name}, path: {place}}}")
        for name, _, place in (given.partition("=") for given in options.scorer)
    }
    if options.judge is not None:
        scorers |= {name: (f"engine.model={options.judge}", f"scorer={name}") for name in ASKED}
    sets = {
        "held-out": ((str(options.base / "held_out.jsonl"),), options.held_out),
        "svamp": (source_of("svamp", data), options.svamp),
    }
    for name, (task, questions) in sets.items():
        if questions < 1:
            continue
        size = (f"questions={questions}", f"samples={options.samples}", f"engine.temperature={options.temperature}")
        paths = {"base": folder / f"{name}_base.sqlite", "model": folder / f"{name}.sqlite"}
        if options.only != "model":
            drawn(paths["base"], (*task, form, f"engine.model={options.base}", *size))
        if options.only != "base":
            signals = ("engine.signals.confidence=true", "engine.signals.steps=true")
            drawn(paths["model"], (*task, form, f"engine.model={options.model}", *signals, *size))
        for keys in scorers.values():
            run(["score", str(paths[options.only or "model"]), *keys])
        print(f"\n# {name}: {questions} questions, {options.samples} draws each, T = {options.temperature}")
        if options.only is None:
            generation(load_pool(paths["base"]), load_pool(paths["model"]))
        tables(load_pool(paths[options.only or "model"]), tuple(scorers), trained=options.only != "base")


def tables(pool: Pool, scorers: Sequence[str], *, trained: bool) -> None:
    """Print every confidence of a pool, those of a trained token among them where its model has one."""
    names = (*TRAINING_FREE, "leco", *OF_ALL, *scorers, *(GRACE if trained else ()))
    sets = STACKED if trained else {"stacked": LOGPROB_FEATURES}
    pools = {name: rescored(pool, name) for name in names}
    pools |= {name: stacked(pool, features=features) for name, features in sets.items()}
    scores = scored_by_all(pools)
    ranks(scores)
    calibrations(scores)


def scored_by_all(pools: Mapping[str, Pool]) -> dict[str, ScoredSamples]:
    """Return the samples that have a grade and a confidence of every score, by score."""
    columns = {
        name: [sample.confidence for entry in pool.entries for sample in entry.samples] for name, pool in pools.items()
    }
    some = next(iter(pools.values()))
    marks = [mark for entry in some.entries for mark in grades(entry)]
    question = [number for number, entry in enumerate(some.entries) for _ in entry.samples]
    values = np.array([[np.nan if one is None else one for one in column] for column in columns.values()])
    kept = np.isfinite(values).all(axis=0) & np.array([mark is not None for mark in marks])
    right = np.array([bool(mark) for mark in marks])[kept]
    print(f"{kept.sum()} of {len(kept)} samples have every score, {100 * right.mean():.1f} % of them are right")
    return {
        name: ScoredSamples.of(row[kept], right, np.array(question)[kept])
        for name, row in zip(columns, values, strict=True)
    }


def ranks(scores: Mapping[str, ScoredSamples]) -> None:
    """Print how well each confidence ranks, beside the stacked one on the same samples."""
    (questions,) = {one.questions for one in scores.values()}
    times = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions)
    once = np.ones((1, questions))
    plain = {name: measured(one, once) for name, one in scores.items()}
    spread = {name: measured(one, times) for name, one in scores.items()}
    print("\n## Ranks of single samples")
    heads = ("AUROC", "stacked minus it", "within questions", "stacked minus it")
    print(f"{'score':28}" + "".join(f"{head:>26}" for head in heads))
    for name in scores:
        cells: list[str] = []
        for key in ("auroc", "within"):
            cells.append(shown(plain[name][key][0], spread[name][key]))
            gap = plain["stacked"][key][0] - plain[name][key][0]
            gaps = spread["stacked"][key] - spread[name][key]
            cells.append("" if name == "stacked" else shown(gap, gaps, sign=True))
        print(f"{mark(name):28}" + "".join(f"{cell:>26}" for cell in cells))
    print("* known only once all samples are drawn")


def mark(name: str) -> str:
    """Return the name of a score in a table."""
    return f"{name} *" if name in OF_ALL else name


def calibrations(scores: Mapping[str, ScoredSamples]) -> None:
    """Print the calibration of each confidence, as it is and through a Platt map of the other half of the questions."""
    (questions,) = {one.questions for one in scores.values()}
    times = np.rint(bootstrap_weights(questions, REPLICATES, 0) * questions)
    once = np.ones((1, questions))
    print("\n## Calibration")
    heads = ("ECE, raw", "Brier, raw", "ECE, Platt", "Brier, Platt")
    print(f"{'score':28}" + "".join(f"{head:>26}" for head in heads))
    for name, one in scores.items():
        cells = []
        for version in (one, one.calibrated("platt", 0)):
            if not version.probabilities:
                cells += ["not a probability", ""]
                continue
            value, spread = calibrated(version, once), calibrated(version, times)
            cells += [shown(value[key][0], spread[key]) for key in ("ece", "brier")]
        print(f"{mark(name):28}" + "".join(f"{cell:>26}" for cell in cells))
    print("ECE: 15 bins of equal width; its interval is the bootstrap's, which leans upwards.")


if __name__ == "__main__":
    raise SystemExit(main())
