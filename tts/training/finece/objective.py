"""The objective of FineCE: the confidence of a prefix, trained towards the share of right completions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.models.value_head import confidence
from tts.training.finece.labels import goals
from tts.training.finece.losses import value_logits, value_loss
from tts.training.finece.recipe import FineceRecipe
from tts.training.history import Evaluation, evaluated
from tts.training.last_states import LastStates
from tts.training.loop import precision
from tts.training.packing import Packed, pack
from tts.training.responses import Branches, Split, group_rows, passes, row_tokens


class FineceObjective:
    """The loss of a FineCE scorer; an :class:`~tts.training.loop.Objective`.

    Attributes:
        rows: numbers of the responses in each row, which answer one question and share its prompt.
        lengths: tokens of each row.
        goals: the target confidence after each token of each response, NaN where there is none.
        states: computes last hidden states.
    """

    def __init__(
        self,
        split: Split,
        recipe: FineceRecipe,
        *,
        tokens: Sequence[int],
        end: int,
        device: str,
        states: LastStates,
    ) -> None:
        """Take the responses."""
        self.split, self.recipe, self.tokens, self.end, self.device = split, recipe, tuple(tokens), end, device
        self.states = states
        self.rows = group_rows(split.train)
        self.lengths = [Branches.of(split.train, row).length for row in self.rows]
        self.goals = goals(split.train, every=recipe.positions == "every")

    @property
    def extra_state(self) -> Mapping[str, Any]:
        """Nothing: the responses determine the goals."""
        return {}

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """See :class:`~tts.training.loop.Objective`: the loss at the end plus its mean over all other goals."""
        rows = [self.rows[i] for i in part]
        count = sum(len(self.rows[i]) for i in batch)
        packed = self._pack([Branches.of(self.split.train, row) for row in rows])
        with precision(self.recipe.dtype, self.device):
            logits = value_logits(model, packed, self.tokens, self.states)
        wanted = torch.full(logits.shape[:2], math.nan)
        for branch, number in enumerate(i for row in rows for i in row):
            wanted[branch, : len(self.goals[number])] = torch.tensor(self.goals[number], dtype=torch.float32)
        wanted = wanted.to(logits.device)
        there = ~wanted.isnan()
        off = value_loss(logits, wanted.nan_to_num(0.5)) * there
        branches = torch.arange(len(off), device=off.device)
        end = off[branches, packed.at]
        elsewhere = (off.sum(1) - end) / (there.sum(1) - 1).clamp(min=1)
        total = (end + elsewhere).sum() / count
        return total, float(total.detach()), 0.0

    @property
    def held_out_tokens(self) -> int:
        """See :class:`~tts.training.loop.Objective`."""
        return row_tokens(self.split.held_out)

    def evaluate(self, model: Any, step: int, advance: Callable[[int], None]) -> Evaluation:
        """See :class:`~tts.training.loop.Objective`; the evaluation is on whole answers."""
        held = self.split.held_out
        found = np.empty(len(held))
        size = max(1, round(self.recipe.micro_batch_size * len(self.rows) / len(self.split.train)))
        for some, rows in passes(held, size):
            packed = self._pack(rows)
            with precision(self.recipe.dtype, self.device):
                logits = value_logits(model, packed, self.tokens, self.states)
            at = logits[torch.arange(len(some)), packed.at]
            found[some] = confidence(at).double().cpu().numpy()
            advance(sum(row.length for row in rows))
        return evaluated(step, found, self.split, 0.0)

    def _pack(self, rows: Sequence[Branches]) -> Packed:
        return pack(rows, end=self.end, token=-1, device=self.device)
