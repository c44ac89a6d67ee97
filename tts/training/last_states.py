"""The last hidden states of a model that is trained, and logits where they are read alone.

Where the lower layers of a model are not trained, what they compute of a row is the same in every epoch: it is read
once and kept, and a step costs what the upper layers cost.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from tts.errors import InputError
from tts.models.packed import PackedTrees, forward
from tts.models.token_tree import TokenTree
from tts.training.packing import Packed
from tts.training.schedule import Schedule

ROOM = 4 * 2**30
"""Bytes of kept states; those of further rows are computed anew each time."""
PLAIN = ("llama", "mistral", "qwen2", "qwen3")
"""Model types whose layers can be run apart, and whose logits are one matrix times the last hidden state."""


class LastStates:
    """Computes last hidden states of packed trees, and keeps what frozen layers compute."""

    def __init__(self, frozen: int = 0) -> None:
        """Keep nothing yet.

        Args:
            frozen: the number of lowest layers that no training changes, >= 0, of a model whose type is in ``PLAIN``;
                0 where all are trained.
        """
        self.frozen = frozen
        self._kept: dict[object, Tensor] = {}
        self._bytes = 0

    def __call__(self, model: Any, packed: PackedTrees) -> Tensor:
        """Return the last hidden states, normed, [rows, length, width]."""
        decoder = decoder_of(model)
        if not self.frozen:
            found: Tensor = forward(decoder, packed).last_hidden_state
            return found
        states = self._below(decoder, packed)
        above: Tensor = forward(_part(decoder, slice(self.frozen, None)), packed, states=states).last_hidden_state
        return above

    def read(self, model: Any, packed: Packed) -> tuple[Tensor, Tensor]:
        """Return last hidden states and logits at the places that branches read, [places, width], [places, vocab]."""
        if model.config.model_type in PLAIN:
            states = packed.read(self(model, packed))
            return states, model.get_output_embeddings()(states)
        found = forward(model, packed, output_hidden_states=True)
        return packed.read(found.hidden_states[-1]), packed.read(found.logits)

    @torch.inference_mode(False)  # what is kept in an evaluation may be learned from later
    @torch.no_grad()
    def _below(self, decoder: Any, packed: PackedTrees) -> Tensor:
        """Return what the frozen layers compute, [rows, length, width]; zeros stand where a row is padded."""
        keys = [tree.key for tree in packed.trees]
        unknown = [row for row, key in enumerate(keys) if key not in self._kept]
        fresh: dict[int, Tensor] = {}
        if unknown:
            some = packed if len(unknown) == len(keys) else _rows(packed, unknown)
            computed = forward(_part(decoder, slice(self.frozen), normed=False), some).last_hidden_state
            fresh = {row: self._keep(packed.trees[row], one) for row, one in zip(unknown, computed, strict=True)}
        rows = [fresh[row] if row in fresh else self._kept[key] for row, key in enumerate(keys)]
        found = rows[0].new_zeros((*packed.ids.shape, rows[0].shape[-1]), device=packed.ids.device)
        for place, row in zip(found, rows, strict=True):
            place[: len(row)] = row
        return found

    def _keep(self, tree: TokenTree, states: Tensor) -> Tensor:
        """Return a row's states without its padding, and keep them in main memory while there is room."""
        found = states[: len(tree.ids)].detach().cpu().clone()
        size = found.numel() * found.element_size()
        if self._bytes + size <= ROOM:
            self._kept[tree.key] = found
            self._bytes += size
        return found


def decoder_of(model: Any) -> Any:
    """Return a causal model, perhaps with adapters or grown parts, without its language head."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inner.base_model


def frozen_layers(config: Any, schedule: Schedule) -> int:
    """Return the number of lowest layers that a training leaves as they are and whose states it keeps.

    Args:
        config: of the base model.
        schedule: how the model is trained.

    Raises:
        InputError: the model has fewer layers than ``lora.layers``, or its type is not supported.
    """
    if schedule.method == "grow" and not schedule.grow.heads:
        return int(config.num_hidden_layers)
    if schedule.method != "lora" or schedule.lora.layers is None:
        return 0
    if config.model_type not in PLAIN:
        raise InputError(
            f"recipe.lora.layers supports models of type {', '.join(PLAIN)}, got {config.model_type!r}: "
            "leave it out, which trains all layers"
        )
    if schedule.lora.layers > config.num_hidden_layers:
        raise InputError(
            f"recipe.lora.layers must be at most {config.num_hidden_layers}, the number of the model's layers, got "
            f"{schedule.lora.layers}"
        )
    return int(config.num_hidden_layers) - schedule.lora.layers


def _part(decoder: Any, layers: slice, *, normed: bool = True) -> Any:
    """Return some layers of a decoder as a decoder, which shares all of its weights."""
    part = copy.copy(decoder)
    some = decoder.layers[layers]
    part.config = copy.copy(decoder.config)
    part.config.num_hidden_layers = len(some)
    if getattr(decoder.config, "layer_types", None):
        part.config.layer_types = decoder.config.layer_types[layers]
    part._modules = {**decoder._modules, "layers": some}
    if not normed:
        part._modules["norm"] = nn.Identity()
    return part


def _rows(packed: PackedTrees, rows: list[int]) -> PackedTrees:
    """Return some rows of packed trees."""
    mask = None if packed.mask is None else packed.mask[rows]
    trees = tuple(packed.trees[row] for row in rows)
    return PackedTrees(packed.ids[rows], packed.positions[rows], mask, trees)
