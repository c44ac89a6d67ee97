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

from tts.models.packed import PackedTrees, pack_trees
from tts.models.token_tree import TokenTree
from tts.training.responses import Branches, Ids


@dataclass(frozen=True, slots=True)
class Packed(PackedTrees):
    """Branches as tensors; responses come first, in the order of their questions, then solutions.

    Attributes:
        places: the places that any branch reads, as indices into the flattened ids, [places].
        source: of each branch, from the last place of its prompt to its last token, indices into ``places``,
            [branches, width].
        labels: the token that follows each of these places, never the confidence token; -100 where there is none,
            [branches, width].
        at: the place in a branch where its confidence is read, [branches].
        inside: the places where a confidence may be read: all up to the last token, [branches, width].
        responses: number of branches that are responses.
    """

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
    packed = pack_trees(trees).to(device)
    length = packed.ids.shape[1]
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
    used, inverse = np.unique(source.numpy(), return_inverse=True)
    return Packed(
        packed.ids,
        packed.positions,
        packed.mask,
        packed.trees,
        torch.from_numpy(used).to(device),
        torch.from_numpy(inverse.reshape(source.shape)).to(device),
        labels.to(device),
        at.to(device),
        inside.to(device),
        len(placed),
    )
