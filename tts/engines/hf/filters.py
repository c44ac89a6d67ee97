"""The parameters of sampling as tensors, and the tokens that they leave."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from tts.engines.sampling import Sampling

NUCLEUS = 256
"""The most probable tokens among which the tokens of top_p are looked for first; all are sorted where these are few."""


@dataclass(slots=True)
class Parameters:
    """Sampling parameters of rows, [rows, 1], or of all rows, [1, 1].

    Attributes:
        temperature: of a row, 1 where it is greedy.
        top_p: the mass to keep, infinity where all is kept; None where no row asks for less.
        top_k: the most probable tokens to keep in each row; 0 keeps all.
        greedy: the rows at temperature 0, [rows]; None where there are none.
        drawn: whether there are any others.
    """

    temperature: Tensor
    top_p: Tensor | None
    top_k: int
    greedy: Tensor | None
    drawn: bool

    @classmethod
    def of(cls, rows: Sequence[Sampling], device: Any) -> Self:
        """Return the parameters of rows that have the same ``top_k``."""

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None]

        greedy = [row.temperature == 0 for row in rows]
        return cls(
            temperature=column([row.temperature or 1.0 for row in rows]),
            top_p=column([row.top_p if row.top_p < 1 else math.inf for row in rows])
            if any(row.top_p < 1 for row in rows)
            else None,
            top_k=rows[0].top_k,
            greedy=torch.tensor(greedy, device=device) if any(greedy) else None,
            drawn=not all(greedy),
        )

    @property
    def filtered(self) -> bool:
        """True where tokens of some row are left out."""
        return bool(self.top_k) or self.top_p is not None

    def of_rows(self, rows: slice) -> Parameters:
        """Return the parameters of some of the rows."""
        if len(self.temperature) == 1:  # those of all rows
            return self
        top_p, greedy = (None if values is None else values[rows] for values in (self.top_p, self.greedy))
        return replace(self, temperature=self.temperature[rows], top_p=top_p, greedy=greedy)


def filtered(probabilities: Tensor, how: Parameters) -> Tensor:
    """Return the probabilities of the tokens that ``top_k`` and ``top_p`` keep, 0 for others."""
    size = probabilities.shape[-1]
    largest, order = probabilities.topk(min(how.top_k or NUCLEUS, size))
    if how.top_p is None:
        return torch.zeros_like(probabilities).scatter_(-1, order, largest)
    sums = largest.cumsum(-1)
    kept = torch.zeros_like(probabilities).scatter_(-1, order, _nucleus(largest, sums, how.top_p))
    if how.top_k:
        return kept
    unlimited = how.top_p.isinf()
    wide = ((sums[:, -1:] < how.top_p) & ~unlimited)[:, 0].nonzero()[:, 0]
    if len(wide) and largest.shape[-1] < size:
        every, order = probabilities[wide].sort(dim=-1, descending=True)
        top_p = how.top_p if len(how.top_p) == 1 else how.top_p[wide]
        kept[wide] = torch.zeros_like(every).scatter_(-1, order, _nucleus(every, every.cumsum(-1), top_p))
    return torch.where(unlimited, probabilities, kept)


def _nucleus(falling: Tensor, sums: Tensor, top_p: Tensor) -> Tensor:
    """Return falling probabilities with 0 for those in front of which the sum has reached ``top_p`` already."""
    return falling.masked_fill(sums - falling >= top_p, 0.0)
