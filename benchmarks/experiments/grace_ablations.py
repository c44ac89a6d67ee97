"""Ablations of GrACE's training: one recipe a row, all else equal, on the same responses.

    python -m benchmarks.experiments.grace_ablations [--questions 800] [--held-out 300] [--epochs 1] [--pools out/grace]

Trains on responses of the base model to the first questions of the training split and scores its responses to the next
ones, after the same number of steps for every row. Far smaller than the training of the bundled model, so that all
recipes fit in half an hour; the bundled model's own numbers are those of `python -m benchmarks.experiments.grace`. What
a recipe does to the text is read off worked solutions of the same questions: their cross-entropy, beside the base
model's. Writes docs/results/grace_ablations.txt.
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

from benchmarks.experiments import grace_pools as pools
from evals.metrics import probability, ranking
from evals.metrics.counts import resampled
from evals.metrics.scored import ScoredSamples
from evals.metrics.stats import bootstrap_weights
from evals.tasks import TaskConfig, load_task
from tts.models.bundled import weights
from tts.models.packed import forward
from tts.training.build import train
from tts.training.grace.losses import confidence_logit, language_loss
from tts.training.grace.method import GraceMethod
from tts.training.grace.recipe import GraceRecipe, TargetsConfig
from tts.training.packing import pack
from tts.training.responses import Branches, Response, Split, group_rows, read_responses, solutions
from tts.training.schedule import LoraConfig

BASE = GraceRecipe(
    method="grow", anchor="response", weight_lm=0.0, loss="log", learning_rate=3e-3, muon_learning_rate=2e-3,
    batch_size=32, micro_batch_size=32, evaluations=1, patience=1000,
)  # fmt: skip
FULL = replace(BASE, method="full", weight_lm=2.0, learning_rate=1e-3)
LORA = replace(FULL, method="lora", lora=LoraConfig(32, 64), muon_learning_rate=0.0, learning_rate=2e-3)
ROWS: tuple[tuple[str, GraceRecipe], ...] = (
    ("as bundled: grow, hard, log, every", BASE),
    ("targets: probe (published)", replace(BASE, targets=TargetsConfig("probe"))),
    ("targets: soft self-consistency", replace(BASE, targets=TargetsConfig("soft"))),
    ("full, lambda 2", FULL),
    ("full, lambda 0", replace(FULL, weight_lm=0.0)),
    ("LoRA rank 32, lambda 2", LORA),
    ("full, lambda 2, end", replace(FULL, positions="end")),
    ("full, lambda 2, end, readout: after", replace(FULL, positions="end", readout="after")),
)
REPLICATES = 1000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=800)
    parser.add_argument("--held-out", type=int, default=300)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--pools", type=Path, default=Path("out/grace"))
    parser.add_argument("--out", type=Path, default=Path("docs/results/grace_ablations.txt"))
    options = parser.parse_args()
    options.pools.mkdir(parents=True, exist_ok=True)
    split = responses(options.pools, options.questions, options.held_out, options.draws)
    lines = [
        f"{len(split.train)} responses to {options.questions} questions, {options.epochs} epoch(s); scored on "
        f"{len(split.held_out)} responses to {options.held_out} others; 95 % intervals over questions",
        f"{'recipe':44}{'AUROC':>22}{'within questions':>22}{'ECE':>22}{'Brier':>22}{'text, nats':>12}{'seconds':>9}",
    ]
    tokenizer, plain = fresh()
    lines.append(f"{'the base model':132}{text(plain, None, tokenizer.eos_token_id, split):12.4f}")
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
    found = read_responses(
        given,
        model="tiny",
        prompt_ids=lambda problem: tuple(tokenizer(f"{problem.question}\n").input_ids),
        encode=lambda text: tuple(tokenizer(text, add_special_tokens=False).input_ids),
        end=tokenizer.eos_token_id,
        context=512,
    )
    worked = solutions(
        given,
        load_task(TaskConfig(split="train", questions=total)).solutions,
        encode=lambda text: tuple(tokenizer(text, add_special_tokens=False).input_ids),
        context=512,
        prompts={one.question: one.prompt for one in found},
    )
    return Split(
        tuple(one for one in found if one.question < questions),
        tuple(one for one in found if questions <= one.question < total),
        worked,
    )


def fresh() -> tuple[Any, Any]:
    """The base model's tokenizer and the base model."""
    model: Any = AutoModelForCausalLM.from_pretrained(weights(), dtype=torch.float32)
    return AutoTokenizer.from_pretrained(weights()), model.eval()


def row(name: str, recipe: GraceRecipe, split: Split) -> str:
    """Train by one recipe and score the held-out responses."""
    tokenizer, model = fresh()
    end = tokenizer.eos_token_id
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        trained = train(Path(folder), model, tokenizer, split, GraceMethod(recipe), base={}, report=lambda line: None)
    seconds = time.monotonic() - began
    confidence = scored(trained.model, trained.tokens[0], end, split.held_out, recipe)
    correct = np.array([one.correct for one in split.held_out])
    samples = ScoredSamples.of(confidence, correct, np.array([one.question for one in split.held_out]))
    times = np.rint(bootstrap_weights(samples.questions, REPLICATES, 0) * samples.questions)
    cells = []
    for metric in (ranking.auroc, ranking.within_question_auroc, probability.ece_equal_width, probability.brier):
        (value,) = metric(next(resampled(samples, np.ones((1, samples.questions)))))
        low, high = np.quantile(np.concatenate([metric(c) for c in resampled(samples, times)]), [0.025, 0.975])
        cells.append(f"{value:.3f} [{low:.3f}, {high:.3f}]")
    said = text(trained.model, trained.tokens[0], end, split)
    return f"{name:44}" + "".join(f"{cell:>22}" for cell in cells) + f"{said:12.4f}{seconds:9.0f}"


@torch.inference_mode()
def scored(model: Any, token: int, end: int, given: Sequence[Response], recipe: GraceRecipe) -> NDArray[np.float64]:
    """Confidences, [responses]."""
    out = np.empty(len(given))
    rows = [Branches(given[some[0]].prompt, tuple(given[i] for i in some)) for some in group_rows(given)]
    for some, row in zip(group_rows(given), rows, strict=True):
        packed = pack([row], end=end, token=token, after=recipe.readout == "after")
        logits = packed.ends(packed.read(forward(model, packed).logits)).float()
        out[some] = confidence_logit(logits, token).sigmoid().double().numpy()
    return out


@torch.inference_mode()
def text(model: Any, token: int | None, end: int, split: Split) -> float:
    """Mean cross-entropy of the held-out questions' worked solutions, in nats a token."""
    prompts = {one.question: one.prompt for one in split.held_out}
    total = count = 0.0
    for question, prompt in prompts.items():
        solution = split.solutions[question]
        labels = torch.tensor([[*solution, end]])
        logits = model(input_ids=torch.tensor([[*prompt, *solution]]), use_cache=False).logits[:, len(prompt) - 1 :]
        spare = logits.new_full((*logits.shape[:2], 1), -torch.inf) if token is None else logits[..., :0]
        logits = torch.cat([logits, spare], dim=-1)  # the base model has no token to leave out
        places = torch.arange(labels.numel())[None]
        total += float(language_loss(logits[0], places, labels, logits.shape[-1] - 1 if token is None else token))
        count += labels.numel()
    return total / count


if __name__ == "__main__":
    main()
