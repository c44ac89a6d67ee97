"""Train the bundled reasoner from scratch: about an hour on two CPU cores, minutes on a GPU.

Stories are made up as they are needed, so no epoch repeats; only the solution is learned, the question is read. A
checkpoint is written every few minutes and picked up again; the order of the data depends on the seed alone.

    tts train tiny --out DIR
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts.stories.stories import stories
from tts.stories.story import Story
from tts.training.tiny.tokenizer import build

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


SAVE_EVERY = 60.0
"""Seconds between checkpoints."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training on stories of one kind; see :func:`tts.stories.stories.stories`."""

    steps: int
    longest: int
    wide: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything the weights depend on.

    Attributes:
        seed: of the weights and of the data.
        phases: what the steps are trained on: short stories first, and at last the task itself.
        tokens: tokens a step, padding included.
        width: of the residual stream; heads are 64 wide.
        layers: of the model.
        rate: peak learning rate of AdamW (embeddings, norms).
        muon_rate: peak learning rate of Muon (matrices of the layers).
        warmup: steps until the peak; after it the rate falls linearly, to be zero after ``horizon`` steps.
        horizon: see ``warmup``; beyond the last step.
        cooldown: the length of the ramp at whose end, the last step, the rate is zero.
        question: weight of a question's tokens in the loss, beside 1 for a solution's.
    """

    seed: int = 1
    phases: tuple[Phase, ...] = (
        Phase(480, 3, True),
        Phase(480, 5, True),
        Phase(1232, 8, True),
        Phase(1300, 8, False),
    )
    tokens: int = 4096
    width: int = 256
    layers: int = 4
    rate: float = 3e-3
    muon_rate: float = 6e-3
    warmup: int = 50
    horizon: int = 4000
    cooldown: int = 1600
    question: float = 0.1

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return sum(phase.steps for phase in self.phases)

    def shortened(self, share: float) -> Recipe:
        """The same recipe with this share of every phase and of the schedule, in (0, 1]."""
        return replace(
            self,
            phases=tuple(replace(phase, steps=max(1, round(phase.steps * share))) for phase in self.phases),
            warmup=max(1, round(self.warmup * share)),
            horizon=max(1, round(self.horizon * share)),
            cooldown=max(1, round(self.cooldown * share)),
        )


def new_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained model of the recipe's shape."""
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


def batches(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One batch a step: token ids and the weight of each in the loss, both [rows, length]."""
    import torch

    rng = random.Random(recipe.seed)
    for number, phase in enumerate(recipe.phases):
        source = stories("train", recipe.seed * 10 + number, longest=phase.longest, wide=phase.wide)
        left = phase.steps
        while left > 0:  # rows of like length share a batch, so that little is padding
            rows = sorted((_encode(story, tokenizer) for story in islice(source, 512)), key=lambda row: len(row[0]))
            found = []
            while rows:
                n = min(len(rows), max(1, recipe.tokens // len(rows[-1][0])))
                chunk, rows = rows[-n:], rows[:-n]
                ids = torch.zeros((n, len(chunk[-1][0])), dtype=torch.long)
                weights = torch.zeros(ids.shape)
                for row, (tokens, asked) in enumerate(chunk):
                    ids[row, : len(tokens)] = torch.tensor(tokens)
                    weights[row, : len(tokens)] = 1.0
                    weights[row, :asked] = recipe.question
                found.append((ids, weights))
            rng.shuffle(found)
            yield from found[:left]
            left -= len(found)


def _encode(story: Story, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], int]:
    """Token ids of a story, and how many of them are the question."""
    asked = tokenizer(f"{story.question}\n").input_ids
    return [*asked, *tokenizer(story.solution, add_special_tokens=False).input_ids, tokenizer.eos_token_id], len(asked)


def optimisers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest."""
    import torch

    from tts.training.muon import Muon

    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    taken = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in taken]
    return [
        Muon(matrices, lr=recipe.muon_rate, weight_decay=0.01),
        torch.optim.AdamW(rest, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


def train(out: Path, recipe: Recipe, *, device: str = "cpu", tell: Callable[[str], None] = print) -> None:
    """Train until the recipe's last step and write model, tokenizer and recipe to ``out``.

    Args:
        out: a directory; a checkpoint in it, of the same recipe, is continued.
        recipe: everything the weights depend on.
        device: cpu, cuda or mps.
        tell: gets a line of progress now and then.

    Raises:
        InputError: the checkpoint in ``out`` is of another recipe.
    """
    import torch

    from tts.engines.hf.device import fast_bfloat16
    from tts.errors import InputError

    out.mkdir(parents=True, exist_ok=True)
    tokenizer = build()
    model = new_model(recipe, tokenizer)
    model.to(torch.device(device))  # type: ignore[arg-type]
    optims = optimisers(model, recipe)
    first, saved = 0, out / "checkpoint.pt"
    if saved.exists():
        state: dict[str, Any] = torch.load(saved, map_location=device)
        if state["recipe"] != asdict(recipe):
            raise InputError(
                f"{saved}: a checkpoint of another recipe, {state['recipe']}; train into an empty directory"
            )
        model.load_state_dict(state["model"])
        for optim, kept in zip(optims, state["optims"], strict=True):
            optim.load_state_dict(kept)
        first = state["step"]
        tell(f"continuing at step {first} of {recipe.steps}")
    peaks = [recipe.muon_rate, recipe.rate]
    model.train()
    began = written = time.monotonic()
    losses: list[float] = []
    for step, (ids, weights) in enumerate(islice(batches(recipe, tokenizer), first, None), first):
        slope = 1 - step / recipe.horizon
        scale = min((step + 1) / recipe.warmup * slope, slope, (recipe.steps - step) / recipe.cooldown)
        for optim, peak in zip(optims, peaks, strict=True):
            optim.param_groups[0]["lr"] = peak * scale
        ids, weights = ids.to(device), weights[:, 1:].flatten().to(device)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=fast_bfloat16(device)):
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
        losses.append(float(each[weights == 1].detach().mean()))
        now = time.monotonic()
        if (step + 1) % 20 == 0:
            pace = (now - began) / (step + 1 - first)
            mean = math.fsum(losses[-20:]) / len(losses[-20:])
            tell(
                f"step {step + 1}/{recipe.steps}  loss {mean:.4f}  {recipe.tokens / pace:.0f} tok/s  "
                f"{pace * (recipe.steps - step - 1) / 60:.1f} min left"
            )
        if now - written > SAVE_EVERY or step + 1 == recipe.steps:
            state = {
                "recipe": asdict(recipe),
                "step": step + 1,
                "model": model.state_dict(),
                "optims": [o.state_dict() for o in optims],
            }
            torch.save(state, out / "checkpoint.tmp")
            os.replace(out / "checkpoint.tmp", saved)
            written = now
    save(out, model, tokenizer, recipe)


def save(out: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> None:
    """Write the finished model in bfloat16, the tokenizer and the recipe."""
    from importlib.metadata import version

    model.bfloat16().save_pretrained(out)
    tokenizer.save_pretrained(out)
    named = json.loads((out / "tokenizer_config.json").read_text())  # by the name that every version knows
    (out / "tokenizer_config.json").write_text(
        json.dumps({**named, "tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n"
    )
    made = {name: version(name) for name in ("torch", "transformers", "tokenizers")}
    command = f"tts train tiny --out DIR --seed {recipe.seed}"
    write(out, {"command": command, "recipe": asdict(recipe), "versions": made})


def record(out: Path, numbers: dict[str, float]) -> None:
    """Add what the model can do to the recipe beside its weights."""
    write(out, {**json.loads((out / "recipe.json").read_text()), "test split": numbers})


def write(out: Path, content: dict[str, Any]) -> None:
    """Replace ``recipe.json``."""
    (out / "recipe.json").write_text(json.dumps(content, indent=2) + "\n")
