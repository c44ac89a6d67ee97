"""Train the bundled reasoner from scratch: about an hour on two CPU cores, minutes on a GPU.

Stories are generated as they are needed, so no epoch repeats. The loss counts the solution's tokens in full and the
question's a little. The training writes a checkpoint every minute and continues it; the order of the data depends on
the seed alone.

    tts train tiny out=DIR
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.progress.phases import Phases
from tts.stories.stories import stories
from tts.stories.story import Story
from tts.training.tiny.recipe import TinyRecipe
from tts.training.tiny.tokenizer import build

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

SAVE_EVERY_S = 60.0
"""Seconds between checkpoints."""


def new_model(recipe: TinyRecipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return an untrained model of the recipe's shape."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(recipe.seed)
    heads = recipe.width // 64
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.width,
            intermediate_size=recipe.width * 11 // 4,
            num_hidden_layers=recipe.layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            head_dim=64,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def batches(recipe: TinyRecipe, tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield one batch a step: token ids and the weight of each in the loss, both [rows, length]."""
    import torch

    rng = random.Random(recipe.seed)
    for number, phase in enumerate(recipe.phases):
        source = stories("train", recipe.seed * 10 + number, longest=phase.longest, wide=phase.wide)
        left = phase.steps
        while left > 0:  # rows of similar length share a batch to limit padding
            rows = sorted((_encode(story, tokenizer) for story in islice(source, 512)), key=lambda row: len(row[0]))
            found = []
            while rows:
                n = min(len(rows), max(1, recipe.batch_tokens // len(rows[-1][0])))
                chunk, rows = rows[-n:], rows[:-n]
                ids = torch.zeros((n, len(chunk[-1][0])), dtype=torch.long)
                weights = torch.zeros(ids.shape)
                for row, (tokens, asked) in enumerate(chunk):
                    ids[row, : len(tokens)] = torch.tensor(tokens)
                    weights[row, : len(tokens)] = 1.0
                    weights[row, :asked] = recipe.question_weight
                found.append((ids, weights))
            rng.shuffle(found)
            yield from found[:left]
            left -= len(found)


def _encode(story: Story, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], int]:
    """Return the token ids of a story and the number of the question's tokens."""
    asked = tokenizer(f"{story.question}\n").input_ids
    return [*asked, *tokenizer(story.solution, add_special_tokens=False).input_ids, tokenizer.eos_token_id], len(asked)


def optimisers(model: LlamaForCausalLM, recipe: TinyRecipe) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the layers and AdamW for the rest."""
    import torch

    from tts.training.muon import Muon

    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    return [
        Muon(matrices, lr=recipe.muon_learning_rate, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def train(
    out: Path,
    recipe: TinyRecipe,
    *,
    device: str = "cpu",
    report: Callable[[str], None] = print,
    phases: Phases | None = None,
) -> None:
    """Train until the recipe's last step and write model, tokenizer and recipe to ``out``.

    Args:
        out: a directory; a checkpoint in it, of the same recipe, is continued.
        recipe: everything the weights depend on.
        device: cpu, cuda or mps.
        report: receives a line about a continued checkpoint.
        phases: receives the progress.

    Raises:
        InputError: the checkpoint in ``out`` belongs to another recipe.
    """
    import torch

    from tts.training.checkpoint import CHECKPOINT, read, write

    phases = phases or Phases()
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = build()
    model = new_model(recipe, tokenizer)
    model.to(torch.device(device))  # type: ignore[arg-type]
    optims = optimisers(model, recipe)
    first = 0
    shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
    identity = {"recipe": asdict(recipe), "base": {}, "shapes": shapes}
    saved = read(out / CHECKPOINT, identity, device)
    if saved is not None:
        model.load_state_dict(saved["model"])
        for optim, stored in zip(optims, saved["optimisers"], strict=True):
            optim.load_state_dict(stored)
        first = saved["step"]
        report(f"continuing at step {first} of {recipe.steps}")
    model.train()
    written = time.monotonic()
    losses: list[float] = []
    left = _batches_left(recipe, tokenizer, first, phases)
    total = recipe.batch_tokens * (recipe.steps - first)
    with phases.phase("training", "learn", total, facts=f"{recipe.steps - first} steps"):
        for step, (ids, weights) in enumerate(left, first):
            losses.append(_learn(model, optims, recipe, step, ids.to(device), weights.to(device)))
            mean = math.fsum(losses[-20:]) / len(losses[-20:])
            phases.advance(recipe.batch_tokens, f"step {step + 1}/{recipe.steps}, loss {mean:.3f}")
            now = time.monotonic()
            if now - written > SAVE_EVERY_S or step + 1 == recipe.steps:
                state = {
                    "identity": identity,
                    "step": step + 1,
                    "model": model.state_dict(),
                    "optimisers": [optim.state_dict() for optim in optims],
                }
                write(out / CHECKPOINT, state)
                written = now
    with phases.phase("writing", "write", 1, facts=str(out)):
        save(out, model, tokenizer, recipe)


def _batches_left(
    recipe: TinyRecipe, tokenizer: PreTrainedTokenizerFast, first: int, phases: Phases
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Return the batches from this step on; those before it are made again, in a phase of their own."""
    if first >= recipe.steps:
        return iter(())
    found = batches(recipe, tokenizer)
    if first:
        with phases.phase("preparing", "read", first, facts="the stories that it has learned from"):
            for _ in islice(found, first):
                phases.advance(1)
    return found


def _learn(
    model: LlamaForCausalLM,
    optims: list[torch.optim.Optimizer],
    recipe: TinyRecipe,
    step: int,
    ids: torch.Tensor,
    weights: torch.Tensor,
) -> float:
    """Take one optimiser step, and return the mean loss of the tokens of solutions."""
    import torch

    from tts.engines.hf.device import fast_bfloat16

    slope = 1 - step / recipe.horizon
    scale = min((step + 1) / recipe.warmup * slope, slope, (recipe.steps - step) / recipe.cooldown)
    for optim, peak in zip(optims, (recipe.muon_learning_rate, recipe.learning_rate), strict=True):
        optim.param_groups[0]["lr"] = peak * scale
    device, weights = ids.device, weights[:, 1:].flatten()
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=fast_bfloat16(str(device))):
        logits = model(input_ids=ids, use_cache=False).logits
    each = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none"
    )
    loss = (each * weights).sum() / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optim in optims:
        optim.step()
        optim.zero_grad(set_to_none=True)
    return float(each[weights == 1].detach().mean())


def save(out: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, recipe: TinyRecipe) -> None:
    """Write the finished model in bfloat16, the tokenizer and the recipe."""
    from importlib.metadata import version

    model.bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
    named = json.loads((out / "tokenizer_config.json").read_text())  # the class name that every version knows
    (out / "tokenizer_config.json").write_text(
        json.dumps({**named, "tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n"
    )
    made = {name: version(name) for name in ("torch", "transformers", "tokenizers")}
    command = f"tts train tiny out=DIR recipe.seed={recipe.seed}"
    write_recipe(out, {"command": command, "recipe": asdict(recipe), "versions": made})


def record(out: Path, numbers: dict[str, float]) -> None:
    """Add the model's measured numbers to the recipe beside its weights."""
    write_recipe(out, {**json.loads((out / "recipe.json").read_text()), "test split": numbers})


def write_recipe(out: Path, content: dict[str, Any]) -> None:
    """Replace ``recipe.json``."""
    (out / "recipe.json").write_text(json.dumps(content, indent=2) + "\n")
