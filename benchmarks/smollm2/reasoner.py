"""Accuracy of a fine-tuned model on problems that people wrote: of one draw and of the vote of many.

    python -m benchmarks.smollm2.reasoner [--model out/models/smollm2-reasoner] [--samples 16] [--temperature 0.8]

The model is one of examples/finetune.py. It answers its held-out problems, SVAMP and GSM8K (both in the folder
$TTS_DATA) through `tts sample`; samples go to pools in the folder --out, so that an interrupted command continues. The
sizes of the defaults take about half an hour on two idle cores; --held-out 20 --svamp 20 --gsm8k 10 --samples 4 takes a
minute. A model of --form choices gets SVAMP and GSM8K as multiple-choice questions (examples/make_choices.py), beside
its pools. "clean" are held-out problems whose text without numbers is no training text, "far" those of them
whose words overlap by less than a half (Jaccard index) with every training text. Intervals are 95 %, by a bootstrap
over questions.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evals.metrics.estimators import maj_curve
from evals.metrics.scored import grades
from evals.metrics.stats import accuracy_interval, bootstrap_weights
from tts.errors import InputError, TTSError
from tts.pool import Entry, Pool, load_pool

ROOT = Path(__file__).resolve().parents[2]
BARE = ROOT / "configs" / "model" / "smollm2_reasoner.yaml"
CHAT = ROOT / "configs" / "model" / "smollm2.yaml"
REPLICATES = 10_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """A set of questions.

    Attributes:
        name: its name in the table.
        keys: the task, as `tts sample` takes it.
        questions: their number; 0 leaves it out.
        samples: draws of each.
    """

    name: str
    keys: tuple[str, ...]
    questions: int
    samples: int


def main() -> int:
    """Measure, print a table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("out/models/smollm2-reasoner"), help="the model's directory")
    parser.add_argument("--out", type=Path, help="the folder of the pools (out/pools/NAME of the model)")
    parser.add_argument("--held-out", type=int, default=500, help="held-out problems (500)")
    parser.add_argument("--svamp", type=int, default=1000, help="problems of SVAMP (1000)")
    parser.add_argument("--gsm8k", type=int, default=300, help="problems of GSM8K (300)")
    parser.add_argument("--samples", type=int, default=16, help="draws of a problem (16)")
    parser.add_argument("--gsm8k-samples", type=int, default=4, help="draws of a problem of GSM8K (4)")
    parser.add_argument("--temperature", type=float, default=0.8, help="of the draws (0.8)")
    parser.add_argument("--greedy", action="store_true", help="one sample at temperature 0 of each problem as well")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    return status_of(measure, parser.parse_args())


def status_of(measure: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run a measurement and return its exit status: 2, with a sentence, where it refuses its input."""
    try:
        measure(options)
    except TTSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def data_folder() -> Path:
    """Return the folder of SVAMP and GSM8K.

    Raises:
        InputError: no folder is named.
    """
    if not (data := os.environ.get("TTS_DATA")):
        raise InputError(
            "TTS_DATA must name the folder with SVAMP and GSM8K: TTS_DATA=DIRECTORY make data fetches them"
        )
    return Path(data)


def measure(options: argparse.Namespace) -> None:
    """Draw what is missing and print a table for each temperature.

    Raises:
        InputError: the model or the data are not there.
    """
    model: Path = options.model
    training = training_of(model)
    data = data_folder()
    form, folder = training["settings"]["form"], options.out or Path("out") / "pools" / model.name
    measurements = [
        Measurement("held-out", (str(model / "held_out.jsonl"),), options.held_out, options.samples),
        Measurement("SVAMP", source_of("svamp", data), options.svamp, options.samples),
        Measurement("GSM8K", source_of("gsm8k", data), options.gsm8k, options.gsm8k_samples),
    ]
    rows = [json.loads(line) for line in (model / "held_out.jsonl").read_text(encoding="utf-8").splitlines()]
    marked = {mark: {row["id"] for row in rows if row[mark]} for mark in ("clean", "far")}
    config = CHAT if form == "chat" else BARE
    print(f"{model}: {training_line(training)}")
    for temperature in [options.temperature, *([0.0] if options.greedy else [])]:
        print(f"\nT = {temperature}, seed {options.seed}\n{HEADER}", flush=True)
        for one in measurements:
            if one.questions < 1:
                continue
            keys = (f"engine.model={model}", f"engine.temperature={temperature}", f"engine.seed={options.seed}")
            samples = one.samples if temperature else 1
            source = as_choices(one.name.lower(), one.keys, folder) if form == "choices" else one.keys
            path = folder / f"{one.name.lower()}_T{temperature}_seed{options.seed}.sqlite"
            whole, began = not path.exists(), time.monotonic()
            pool = drawn(path, (*source, str(config), *keys, f"questions={one.questions}", f"samples={samples}"))
            seconds = time.monotonic() - began if whole else None
            print(row(one.name, pool.entries, seconds).rstrip(), flush=True)
            if one.name == "held-out":
                for mark, ids in marked.items():
                    show_part(f"  {mark}", pool, ids)


def training_of(model: Path) -> dict[str, Any]:
    """Return the settings and the log of a model's training.

    Raises:
        InputError: it is no model of examples/finetune.py.
    """
    if not (model / "held_out.jsonl").is_file() or not (model / "training.json").is_file():
        raise InputError(f"{model} is no model of examples/finetune.py: make smollm2-reasoner")
    training: dict[str, Any] = json.loads((model / "training.json").read_text(encoding="utf-8"))
    return training


def source_of(name: str, data: Path) -> tuple[str, ...]:
    """Return a data set of the folder of data as `tts sample` takes it."""
    return f"task={name}", f"task.path={data}/{name}_test.jsonl.gz"


def as_choices(name: str, keys: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Return the keys of a task with multiple-choice questions, which are made where it has others.

    Args:
        name: the name of the questions.
        keys: the task, as `tts sample` takes it.
        folder: of the questions that are made.

    Raises:
        InputError: they cannot be made; the program that makes them has printed the reason.
    """
    *_, source = keys
    if not source.startswith("task.path="):
        return keys
    folder.mkdir(parents=True, exist_ok=True)
    command = ["examples/make_choices.py", source.partition("=")[2], "--out", f"{folder}/{name}.jsonl"]
    print("$ python " + shlex.join(command), file=sys.stderr, flush=True)
    added = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    program = [sys.executable, str(ROOT / command[0]), *command[1:]]
    if status := subprocess.run(program, env={**os.environ, "PYTHONPATH": added}, stdout=sys.stderr).returncode:
        raise InputError(f"the command above ended with status {status}: mend its cause, and run this again")
    return (command[-1],)


def show_part(name: str, pool: Pool, ids: Collection[str]) -> None:
    """Print the row of some questions of a pool, where it has any."""
    if entries := [entry for entry in pool.entries if entry.problem.id in ids]:
        print(row(name, entries).rstrip(), flush=True)


def training_line(training: Mapping[str, Any]) -> str:
    """Return the settings of a training, its time and its last losses in a line."""
    settings, log = training["settings"], training["log"]
    shown = ", ".join(f"{key} {settings[key]}" for key in ("form", "seed", "steps", "batch_tokens", "learning_rate"))
    losses = [entry["loss"] for entry in log if "loss" in entry]
    minutes = max((entry.get("seconds", 0.0) for entry in log), default=0.0) / 60
    return f"{shown}; trained in {minutes:.1f} min, loss {losses[0]:.2f} to {losses[-1]:.2f}"


def drawn(path: Path, keys: tuple[str, ...]) -> Pool:
    """Return a pool of samples, of which what is missing is drawn.

    Raises:
        InputError: the command failed; it has printed the reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    run(["sample", *keys, f"out={path}"])
    return load_pool(path)


def run(command: list[str]) -> None:
    """Run a command of `tts`, printed first.

    Raises:
        InputError: it failed; it has printed the reason.
    """
    print("$ tts " + shlex.join(command).replace(f"{ROOT}/", ""), file=sys.stderr, flush=True)
    status = subprocess.run([sys.executable, "-m", "tts", *command], stdout=sys.stderr).returncode
    if status:
        raise InputError(f"the command above ended with status {status}: mend its cause, and run this again")


HEADER = (
    f"{'questions':<12}{'n':>5}{'draws':>6}{'one draw, % right':>22}{'majority, % right':>22}"
    f"{'gain':>20}{'any':>7}{'tokens':>9}{'seconds':>9}"
)


def row(name: str, entries: Collection[Entry], seconds: float | None = None) -> str:
    """Return a line of the table.

    Args:
        name: the questions.
        entries: the questions with their samples.
        seconds: the time of the command that drew them all; None where some were there already.

    Returns:
        Accuracies of one draw and of the vote with intervals, their difference, any of the draws, tokens of a sample.
    """
    one, vote, some = [], [], []
    tokens = [sample.usage.generated if sample.usage else 0 for entry in entries for sample in entry.samples]
    for entry in entries:
        marks = [bool(mark) for mark in grades(entry)]
        answers: dict[str, tuple[int, bool]] = {}
        for sample, mark in zip(entry.samples, marks, strict=True):
            if sample.answer is not None:
                count, right = answers.get(sample.answer, (0, False))
                answers[sample.answer] = count + 1, right or mark
        counts, right = zip(*answers.values(), strict=True) if answers else ((), ())
        unparsed = len(marks) - sum(counts)
        one.append(sum(marks) / len(marks))
        vote.append(float(maj_curve(counts, right, unparsed, [len(marks)])[0]) if counts else 0.0)
        some.append(any(marks))
    weights = bootstrap_weights(len(one), REPLICATES, 0)
    gain = np.subtract(vote, one)
    low, high = np.percentile(weights @ gain, [2.5, 97.5])
    draws = len(tokens) / len(one)
    return (
        f"{name:<12}{len(one):>5}{draws:>6.0f}{interval(one, weights):>22}{interval(vote, weights):>22}"
        f"{f'{100 * gain.mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]':>20}{100 * np.mean(some):>7.1f}"
        f"{np.mean(tokens):>9.1f}{'' if seconds is None else f'{seconds:.0f}':>9}"
    )


def interval(values: list[float], weights: np.ndarray) -> str:
    """Return a mean with its interval, in per cent."""
    low, high = accuracy_interval(values, weights)
    return f"{100 * np.mean(values):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


if __name__ == "__main__":
    raise SystemExit(main())
