"""Responses as tensors: what the responses to one question have in common is computed once.

A row is a tree of tokens: the prompt, and behind it every response, and perhaps a worked solution, each along its own
branch. Branches share the tokens with which they begin alike, as samples of one model often do; equal responses are one
branch. A token attends to those before it in its branch, at whose depth it stands, so that every branch is computed as
if it were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tts.training.responses import Branches, Ids
from tts.training.token_tree import TokenTree


@dataclass(frozen=True, slots=True)
class Packed:
    """Branches as tensors; responses come first, in the order of their questions, then solutions.

    Attributes:
        ids: the input tokens, [questions, length], padded on the right.
        positions: of each token in its branch, [questions, length].
        mask: the places that each place attends to, booleans, [questions, 1, length, length]; None for plain causal
            attention.
        places: the places that any branch reads, as indices into the flattened ids, [places].
        source: of each branch, from the last place of its prompt to its last token, indices into ``places``,
            [branches, width].
        labels: the token that follows each of these places, never the confidence token; -100 where there is none,
            [branches, width].
        at: the place in a branch where its confidence is read, [branches].
        inside: the places where a confidence may be read: all up to the last token, [branches, width].
        responses: number of branches that are responses.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor | None
    places: Tensor
    source: Tensor
    labels: Tensor
    at: Tensor
    inside: Tensor
    responses: int

    def read(self, values: Tensor) -> Tensor:
        """Return the values at the places that branches read, [places, ...], from [questions, length, ...]."""
        return values.flatten(0, 1)[self.places]

    def branches(self, values: Tensor) -> Tensor:
        """Return the values at each place of each branch, [branches, width, ...], from [places, ...]."""
        return values[self.source]

    def ends(self, values: Tensor) -> Tensor:
        """Return the values where each branch's confidence is read, [branches, ...], from [places, ...]."""
        return values[self.source[torch.arange(len(self.at), device=self.at.device), self.at]]


def pack(given: Sequence[Branches], *, end: int, token: int, after: bool = False, device: Any = "cpu") -> Packed:
    """Return branches as padded and labelled tensors.

    Args:
        given: at least one question with at least one branch.
        end: id of the token that ends a branch; a label of branches that ended, never an input.
        token: id of the confidence token.
        after: whether the confidence token is an input after each response and the confidence is read there.
        device: the device of the tensors.
    """
    trees = []
    placed: list[tuple[int, list[int], Ids, bool]] = []
    solutions: list[tuple[int, list[int], Ids, bool]] = []
    for row, one in enumerate(given):
        tree = TokenTree(one.prompt)
        trees.append(tree)
        placed += [(row, tree.add((*r.ids, token) if after else r.ids), r.ids, r.ended) for r in one.responses]
        if one.solution is not None:
            solutions.append((row, tree.add(one.solution), one.solution, True))
    length = max(len(tree.ids) for tree in trees)
    ids = torch.zeros((len(given), length), dtype=torch.long)
    positions = torch.zeros_like(ids)
    for row, tree in enumerate(trees):
        ids[row, : len(tree.ids)] = torch.tensor(tree.ids)
        positions[row, : len(tree.ids)] = torch.tensor(tree.depths)
    every = [*placed, *solutions]
    width = max(len(places) for _, places, _, _ in every)
    source = torch.full((len(every), width), len(given[0].prompt) - 1, dtype=torch.long)  # where a branch is shorter
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
    mask = None if all(tree.is_path for tree in trees) else _mask(trees, length).to(device)
    used, inverse = np.unique(source.numpy(), return_inverse=True)
    return Packed(
        ids.to(device),
        positions.to(device),
        mask,
        torch.from_numpy(used).to(device),
        torch.from_numpy(inverse.reshape(source.shape)).to(device),
        labels.to(device),
        at.to(device),
        inside.to(device),
        len(placed),
    )


def _mask(trees: Sequence[TokenTree], length: int) -> Tensor:
    """Return the places that each place attends to, [rows, 1, length, length]; padding attends to itself."""
    mask = torch.eye(length, dtype=torch.bool).repeat(len(trees), 1, 1)
    for row, tree in zip(mask, trees, strict=True):
        for place, parent in enumerate(tree.parents):
            if parent >= 0:
                row[place] |= row[parent]
    return mask[:, None]


def forward(model: Any, packed: Packed, **more: Any) -> Any:
    """Return the model's output on packed branches; its ``logits`` are [questions, length, vocab]."""
    mask = packed.mask
    if mask is not None and getattr(model.config, "_attn_implementation", "sdpa") not in ("sdpa", "flex_attention"):
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)
    return model(input_ids=packed.ids, attention_mask=mask, position_ids=packed.positions, use_cache=False, **more)
