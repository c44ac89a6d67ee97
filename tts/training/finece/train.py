"""Train a FineCE scorer: the confidence of prefixes, towards how often what begins so ends well."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.errors import InputError
from tts.models.value_head import ValueHeadModel, confidence
from tts.training.adapters import adapted, add_tokens
from tts.training.checkpoint import CHECKPOINT, read
from tts.training.finece.labels import goals
from tts.training.finece.losses import value_logits, value_loss
from tts.training.finece.recipe import Recipe
from tts.training.history import History, Look, measured
from tts.training.loop import Loop, precision
from tts.training.packing import Packed, pack
from tts.training.responses import Branches, Split, in_passes, together


@dataclass(slots=True)
class Trained:
    """The outcome: the model with its best weights, the tokens that say a confidence, and what happened."""

    model: Any
    tokens: tuple[int, ...]
    history: History


def train(
    out: Path,
    model: Any,
    tokenizer: Any,
    split: Split,
    recipe: Recipe,
    *,
    base: Mapping[str, Any],
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> Trained:
    """Train until held-out Brier has not improved for the recipe's patience, or its epochs are over.

    Args:
        out: a directory; a checkpoint in it, of the same recipe and base, is continued.
        model: the base model in float32; it is changed.
        tokenizer: its tokenizer; value tokens are added to it.
        split: the responses, those that continue a prefix among them.
        recipe: how to train.
        base: what names the base model and the responses, as JSON values; part of what a checkpoint must share.
        device: cpu, cuda or mps.
        tell: gets a line of progress now and then.

    Raises:
        InputError: the tokenizer has the value tokens, or lacks the numbers; a checkpoint is of something else.
        TTSError: the loss is no finite number; the best checkpoint is kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    tokens = numbers(tokenizer, recipe.tokens) if recipe.read == "numbers" else []
    if recipe.read == "values":
        tokens = add_tokens(model, tokenizer, recipe.tokens)
        with torch.no_grad():
            for part in (model.get_input_embeddings(), model.get_output_embeddings()):
                part.weight[tokens] = 0.0
    model.to(torch.device(device)).eval()
    shapes = {name: list(weight.shape) for name, weight in model.named_parameters()}
    identity = {"recipe": asdict(recipe), "base": dict(base), "shapes": shapes}
    saved = read(out / CHECKPOINT, identity, device)
    learner = adapted(model, recipe, tokens if recipe.read == "values" else [])
    if recipe.read == "head":
        learner = ValueHeadModel(learner).to(device)
    values = Values(split, recipe, tokens=tokens, end=int(tokenizer.eos_token_id), device=device)
    loop = Loop(out, learner, values, recipe, identity=identity, kept={}, saved=saved, device=device, tell=tell)
    loop.go()
    return Trained(loop.model, tuple(tokens), loop.history)


def numbers(tokenizer: Any, texts: Sequence[str]) -> list[int]:
    """The tokenizer's own tokens for numbers.

    Raises:
        InputError: one of them is not a single token.
    """
    found = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise InputError(
                f"recipe.read=numbers needs one token for each of 0 to 10, and this tokenizer writes {text} as "
                f"{len(ids)}: give recipe.read=values"
            )
        found.append(int(ids[0]))
    return found


class Values:
    """What a FineCE scorer learns: an :class:`~tts.training.loop.Objective`.

    Attributes:
        rows: numbers of the responses in each row: some to one question, which share its prompt.
        lengths: tokens of each row.
        goals: of each response, what its confidence is trained towards after each of its tokens, NaN where nothing.
    """

    def __init__(self, split: Split, recipe: Recipe, *, tokens: Sequence[int], end: int, device: str) -> None:
        """Take the responses."""
        self.split, self.recipe, self.tokens, self.end, self.device = split, recipe, tuple(tokens), end, device
        self.rows = together(split.train)
        self.lengths = [Branches.of(split.train, row).length for row in self.rows]
        self.goals = goals(split.train, every=recipe.positions == "every")

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """See :class:`~tts.training.loop.Objective`: at the end, plus the mean over all other places with a goal."""
        rows = [self.rows[i] for i in part]
        count = sum(len(self.rows[i]) for i in batch)
        packed = self._pack([Branches.of(self.split.train, row) for row in rows])
        with precision(self.recipe.dtype, self.device):
            given = value_logits(model, packed, self.tokens)
        wanted = torch.full(given.shape[:2], math.nan)
        for branch, number in enumerate(i for row in rows for i in row):
            wanted[branch, : len(self.goals[number])] = torch.tensor(self.goals[number], dtype=torch.float32)
        wanted = wanted.to(given.device)
        there = ~wanted.isnan()
        off = value_loss(given, wanted.nan_to_num(0.5)) * there
        branches = torch.arange(len(off), device=off.device)
        end = off[branches, packed.at]
        elsewhere = (off.sum(1) - end) / (there.sum(1) - 1).clamp(min=1)
        total = (end + elsewhere).sum() / count
        return total, float(total.detach()), 0.0

    def look(self, model: Any, step: int) -> Look:
        """See :class:`~tts.training.loop.Objective`; what is looked at are whole answers."""
        held = self.split.held_out
        found = np.empty(len(held))
        size = max(1, round(self.recipe.rows * len(self.rows) / len(self.split.train)))
        for some, rows in in_passes(held, size):
            packed = self._pack(rows)
            with precision(self.recipe.dtype, self.device):
                given = value_logits(model, packed, self.tokens)
            at = given[torch.arange(len(some)), packed.at]
            found[some] = confidence(at).double().cpu().numpy()
        return measured(step, found, held, 0.0)

    def _pack(self, rows: Sequence[Branches]) -> Packed:
        return pack(rows, end=self.end, token=-1, device=self.device)
