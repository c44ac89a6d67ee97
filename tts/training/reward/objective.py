"""The objective of an outcome reward model: the log loss of a response's grade at its last token."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tts.training.history import Evaluation, evaluated
from tts.training.loop import precision
from tts.training.packing import Packed, pack
from tts.training.responses import Branches, Split, group_rows, passes, row_tokens
from tts.training.reward.recipe import RewardRecipe


class RewardObjective:
    """The loss of an outcome reward model; an :class:`~tts.training.loop.Objective`.

    Attributes:
        rows: numbers of the responses in each row, which answer one question and share what they begin with.
        lengths: tokens of each row.
    """

    def __init__(self, split: Split, recipe: RewardRecipe, *, device: str) -> None:
        """Take the responses."""
        self.split, self.recipe, self.device = split, recipe, device
        self.rows = group_rows(split.train)
        self.lengths = [Branches.of(split.train, row).length for row in self.rows]

    @property
    def extra_state(self) -> Mapping[str, Any]:
        """Nothing: the responses determine the targets."""
        return {}

    def losses(self, model: Any, part: Sequence[int], batch: Sequence[int]) -> tuple[Tensor, float, float]:
        """See :class:`~tts.training.loop.Objective`: the mean log loss of the batch's responses."""
        rows = [self.rows[i] for i in part]
        count = sum(len(self.rows[i]) for i in batch)
        log_odds = self._log_odds(model, [Branches.of(self.split.train, row) for row in rows])
        right = [self.split.train[i].correct for row in rows for i in row]
        wanted = torch.tensor(right, dtype=torch.float32, device=log_odds.device)
        total = functional.binary_cross_entropy_with_logits(log_odds, wanted, reduction="sum") / count
        return total, float(total.detach()), 0.0

    @property
    def held_out_tokens(self) -> int:
        """See :class:`~tts.training.loop.Objective`."""
        return row_tokens(self.split.held_out)

    def evaluate(self, model: Any, step: int, advance: Callable[[int], None]) -> Evaluation:
        """See :class:`~tts.training.loop.Objective`."""
        found = np.empty(len(self.split.held_out))
        size = max(1, round(self.recipe.micro_batch_size * len(self.rows) / len(self.split.train)))
        for some, rows in passes(self.split.held_out, size):
            found[some] = self._log_odds(model, rows).sigmoid().double().cpu().numpy()
            advance(sum(row.length for row in rows))
        return evaluated(step, found, self.split, 0.0)

    def _log_odds(self, model: Any, rows: Sequence[Branches]) -> Tensor:
        packed: Packed = pack(rows, end=-1, token=-1, device=self.device)
        with precision(self.recipe.dtype, self.device):
            found: Tensor = model(packed)
        return found.float()
