"""Responses as tensors: the responses to one question share a row with one copy of their prompt.

A row holds the prompt and then its branches, one after the other: responses, and perhaps a worked solution. Each branch
attends to the prompt and to itself, and its positions continue the prompt's. So every branch is computed as if it were
alone, and the model reads a prompt once instead of once a response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tts.training.responses import Branches


@dataclass(frozen=True, slots=True)
class Packed:
    """Branches as tensors; responses come first, in the order of their questions, then solutions.

    Attributes:
        ids: the input tokens, [questions, length], padded on the right.
        positions: of each token in its branch, [questions, length].
        mask: the places that each place attends to, booleans, [questions, 1, length, length]; None for plain causal
            attention.
        source: the places of each branch, from the last of its prompt to its last token, as indices into the flattened
            ids, [branches, width].
        labels: the token that follows each of these places, never the confidence token; -100 where there is none,
            [branches, width].
        at: the place in a branch where its confidence is read, [branches].
        inside: the places where a confidence may be read: all up to the last token, [branches, width].
        responses: number of branches that are responses.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor | None
    source: Tensor
    labels: Tensor
    at: Tensor
    inside: Tensor
    responses: int

    def branches(self, values: Tensor) -> Tensor:
        """Return the values at each place of each branch, [branches, width, ...], from [questions, length, ...]."""
        return values.flatten(0, 1)[self.source]


def pack(given: Sequence[Branches], *, end: int, token: int, after: bool = False, device: Any = "cpu") -> Packed:
    """Return branches as padded and labelled tensors.

    Args:
        given: at least one question with at least one branch.
        end: id of the token that ends a branch; a label of branches that ended, never an input.
        token: id of the confidence token.
        after: whether the confidence token is an input after each response and the confidence is read there.
        device: the device of the tensors.
    """
    length = max(one.length + after * len(one.responses) for one in given)
    ids = torch.zeros((len(given), length), dtype=torch.long)
    positions = torch.zeros_like(ids)
    branch = torch.full_like(ids, -1)
    placed: list[tuple[int, list[int], tuple[int, ...], bool]] = []
    solutions: list[tuple[int, list[int], tuple[int, ...], bool]] = []
    for row, one in enumerate(given):
        start = len(one.prompt)
        ids[row, :start] = torch.tensor(one.prompt)
        positions[row, :start] = torch.arange(start)
        branch[row, :start] = 0
        parts = [(r.ids, r.ended, after, placed) for r in one.responses]
        if one.solution is not None:
            parts.append((one.solution, True, False, solutions))
        for number, (tokens, ended, fed, where) in enumerate(parts, 1):
            stop = start + len(tokens) + fed
            ids[row, start:stop] = torch.tensor([*tokens, token] if fed else tokens)
            positions[row, start:stop] = torch.arange(stop - start) + len(one.prompt)
            branch[row, start:stop] = number
            where.append((row, [len(one.prompt) - 1, *range(start, stop)], tokens, ended))
            start = stop
    every = [*placed, *solutions]
    width = max(len(places) for _, places, _, _ in every)
    source = torch.zeros((len(every), width), dtype=torch.long)
    labels = torch.full_like(source, -100)
    inside = torch.zeros_like(source, dtype=torch.bool)
    at = torch.zeros(len(every), dtype=torch.long)
    for number, (row, places, tokens, ended) in enumerate(every):
        source[number, : len(places)] = torch.tensor(places) + row * length
        labels[number, : len(tokens)] = torch.tensor(tokens)
        if ended:
            labels[number, len(tokens)] = end
        inside[number, : len(tokens) + 1] = True
        at[number] = len(places) - 1
    mask = None
    if max(len(one.responses) + (one.solution is not None) for one in given) > 1:
        own = branch[:, :, None] == branch[:, None, :]
        mask = ((own | (branch == 0)[:, None, :]) & torch.ones(length, length, dtype=torch.bool).tril())[:, None]
        mask = mask.to(device)
    return Packed(
        ids.to(device),
        positions.to(device),
        mask,
        source.to(device),
        labels.to(device),
        at.to(device),
        inside.to(device),
        len(placed),
    )


def forward(model: Any, packed: Packed, **more: Any) -> Any:
    """Return the model's output on packed branches; its ``logits`` are [questions, length, vocab]."""
    mask = packed.mask
    if mask is not None and getattr(model.config, "_attn_implementation", "sdpa") not in ("sdpa", "flex_attention"):
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)
    return model(input_ids=packed.ids, attention_mask=mask, position_ids=packed.positions, use_cache=False, **more)
