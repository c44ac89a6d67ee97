"""Trees of tokens as tensors: what continuations of one prompt have in common is computed once.

A token attends to those before it in its branch, at whose depth it stands, so that every branch is computed as if it
were alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tts.models.token_tree import TokenTree


@dataclass(frozen=True, slots=True)
class PackedTrees:
    """Trees as tensors, one a row.

    Attributes:
        ids: the input tokens, [rows, length], padded on the right.
        positions: of each token in its branch, [rows, length].
        mask: the places that each place attends to, booleans, [rows, 1, length, length]; None for plain causal
            attention.
        trees: the tree of each row.
    """

    ids: Tensor
    positions: Tensor
    mask: Tensor | None
    trees: tuple[TokenTree, ...]

    def to(self, device: Any) -> PackedTrees:
        """Return the tensors on a device."""
        mask = None if self.mask is None else self.mask.to(device)
        return PackedTrees(self.ids.to(device), self.positions.to(device), mask, self.trees)


def pack_trees(trees: Sequence[TokenTree]) -> PackedTrees:
    """Return at least one tree as padded tensors, in main memory."""
    length = max(len(tree.ids) for tree in trees)
    ids = torch.zeros((len(trees), length), dtype=torch.long)
    positions = torch.zeros_like(ids)
    for row, tree in enumerate(trees):
        ids[row, : len(tree.ids)] = torch.tensor(tree.ids)
        positions[row, : len(tree.ids)] = torch.tensor(tree.depths)
    mask = None if all(tree.is_path for tree in trees) else _mask(trees, length)
    return PackedTrees(ids, positions, mask, tuple(trees))


def _mask(trees: Sequence[TokenTree], length: int) -> Tensor:
    """Return the places that each place attends to, [rows, 1, length, length]; padding attends to itself."""
    mask = torch.eye(length, dtype=torch.bool).repeat(len(trees), 1, 1)
    for row, tree in zip(mask, trees, strict=True):
        for place, parent in enumerate(tree.parents):
            if parent >= 0:
                row[place] |= row[parent]
    return mask[:, None]


def forward(model: Any, packed: PackedTrees, *, states: Tensor | None = None, **more: Any) -> Any:
    """Return the model's output on packed trees, [rows, length, ...].

    Args:
        model: a causal model with attention in every layer.
        packed: the trees.
        states: what the model reads in place of the tokens' embeddings, [rows, length, width].
        more: further arguments of the model.
    """
    tokens = {"input_ids": packed.ids} if states is None else {"inputs_embeds": states}
    mask = packed.mask
    if mask is not None and getattr(model.config, "_attn_implementation", "sdpa") not in ("sdpa", "flex_attention"):
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, torch.finfo(torch.float32).min)
    return model(**tokens, attention_mask=mask, position_ids=packed.positions, use_cache=False, **more)
