"""What each choice of GrACE's training is worth: one recipe a row, all else equal, on the same responses.

    python -m benchmarks.grace_ablations [--questions 1000] [--held-out 300] [--epochs 1] [--pools out/grace]

Trains on responses of the base model to the first questions of the training split and scores its responses to the last
ones, after the same number of steps for every row. Smaller than the training of the bundled model, so that a dozen
recipes fit in an hour; the bundled model's own numbers are those of `python -m benchmarks.grace`. Writes
benchmarks/results/grace_ablations.txt.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks import grace_pools as pools
from evals import calibration, ranking
from evals.judged import Judged, resampled
from evals.stats import bootstrap_weights
from tts.grace.losses import confidence_logit, language_loss, pack
from tts.grace.recipe import LoraConfig, Recipe, TargetsConfig
from tts.grace.responses import Response, Split, read
from tts.grace.train import train
from tts.tiny import weights

BASE = Recipe(method="full", weight_lm=0.5, rate=5e-4, batch=32, rows=32, evaluations=1, patience=1000)
ROWS: tuple[tuple[str, Recipe], ...] = (
    ("as bundled: hard targets, lambda .5, full", BASE),
    ("targets: probe (published)", replace(BASE, targets=TargetsConfig("probe"))),
    ("targets: soft self-consistency", replace(BASE, targets=TargetsConfig("soft"))),
    ("lambda 0", replace(BASE, weight_lm=0.0)),
    ("lambda .1", replace(BASE, weight_lm=0.1)),
    ("lambda 2", replace(BASE, weight_lm=2.0)),
    ("positions: end (published)", replace(BASE, positions="end")),
    ("readout: after, positions: end", replace(BASE, positions="end", readout="after")),
    ("loss: log", replace(BASE, loss="log")),
    ("LoRA, rank 32", replace(BASE, method="lora", lora=LoraConfig(32, 64))),
    ("LoRA, rank 32, rate x 4", replace(BASE, method="lora", lora=LoraConfig(32, 64), rate=2e-3)),
)
REPLICATES = 1000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--pools", type=Path, default=Path("out/grace"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/grace_ablations.txt"))
    options = parser.parse_args()
    options.pools.mkdir(parents=True, exist_ok=True)
    split = responses(options.pools, options.questions, options.held_out, options.draws)
    lines = [
        f"{len(split.train)} responses to {options.questions} questions, {options.epochs} epoch(s); scored on "
        f"{len(split.held_out)} responses to {options.held_out} others; 95 % intervals over questions",
        f"{'recipe':44}{'AUROC':>22}{'within questions':>22}{'ECE':>22}{'Brier':>22}{'LM, nats':>10}{'seconds':>9}",
    ]
    print("\n".join(lines), flush=True)
    for name, recipe in ROWS:
        lines.append(row(name, replace(recipe, epochs=options.epochs), split))
        print(lines[-1], flush=True)
        options.out.write_text("\n".join(lines) + "\n")


def responses(folder: Path, questions: int, held_out: int, draws: int) -> Split:
    """The base model's responses, drawn where they are missing."""
    total = questions + held_out
    given = pools.pool(folder, "train", model="tiny", split="train", questions=total, draws=draws, signals=False)
    tokenizer = AutoTokenizer.from_pretrained(weights())
    found = read(
        given,
        model="tiny",
        prompt_ids=lambda problem: tuple(tokenizer(f"{problem.question}\n").input_ids),
        encode=lambda text: tuple(tokenizer(text, add_special_tokens=False).input_ids),
        end=tokenizer.eos_token_id,
        context=512,
    )
    return Split(
        tuple(one for one in found if one.question < questions),
        tuple(one for one in found if questions <= one.question < questions + held_out),
    )


def row(name: str, recipe: Recipe, split: Split) -> str:
    """Train by one recipe and score what it knows."""
    tokenizer = AutoTokenizer.from_pretrained(weights())
    model: Any = AutoModelForCausalLM.from_pretrained(weights(), dtype=torch.float32)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trained = train(Path(folder), model, tokenizer, split, recipe, base={}, tell=lambda line: None)
    seconds = time.monotonic() - began
    confidence, lm = scored(trained.model, trained.token, tokenizer.eos_token_id, split.held_out, recipe)
    correct = np.array([one.correct for one in split.held_out])
    judged = Judged.of(confidence, correct, np.array([one.question for one in split.held_out]))
    times = np.rint(bootstrap_weights(judged.questions, REPLICATES, 0) * judged.questions)
    cells = []
    for metric in (ranking.auroc, ranking.within_question_auroc, calibration.ece_equal_width, calibration.brier):
        (value,) = metric(next(resampled(judged, np.ones((1, judged.questions)))))
        low, high = np.quantile(np.concatenate([metric(c) for c in resampled(judged, times)]), [0.025, 0.975])
        cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
    return f"{name:44}" + "".join(f"{cell:>22}" for cell in cells) + f"{lm:10.4f}{seconds:9.0f}"


@torch.inference_mode()
def scored(
    model: Any, token: int, end: int, given: Sequence[Response], recipe: Recipe
) -> tuple[NDArray[np.float64], float]:
    """Confidences [responses], and the mean cross-entropy of the responses."""
    out, total = np.empty(len(given)), 0.0
    order = sorted(range(len(given)), key=lambda i: given[i].length)
    for start in range(0, len(order), 64):
        some = order[start : start + 64]
        packed = pack([given[i] for i in some], end=end, token=token, after=recipe.readout == "after")
        logits = model(input_ids=packed.ids, use_cache=False).logits.float()
        out[some] = confidence_logit(logits[torch.arange(len(some)), packed.at], token).sigmoid().double().numpy()
        total += float(language_loss(logits, packed.labels, token))
    return out, total / sum(len(one.ids) + one.ended for one in given)


if __name__ == "__main__":
    main()
