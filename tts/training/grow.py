"""Growing a model: channels, heads, neurons and layers beside the base's, which stay as they are.

A small model has no spare capacity: when it learns to detect its mistakes, it unlearns part of the task. So growing
widens the residual stream by some channels and every layer by some attention heads and neurons, and appends layers that
consist of new parts only. The appended layers are as wide as the others and read the base's last states; without new
heads and neurons they are all that is new. The new parts read everything and write into the new channels only; the
base's parts read and write the same as before. So the text stays the base's whatever is learned, every response of the
base is one of the grown model's, and only the new tokens read the new channels. The result is a plain model of the same
class with larger matrices that contain zeros, and its cost grows in proportion.

RMS norms are the only place where both meet: they divide by the size of all channels. The new channels therefore carry
``EPSILON`` times their values, and their norm weights are 1 / ``EPSILON``: the base's channels are divided by the same
number as before, up to a share of about EPSILON^2.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts.errors import InputError
from tts.training.schedule import GrowConfig

EPSILON = 2.0**-11
"""Scale of the new channels relative to the base's: a four-millionth of the mean square that a norm divides by."""
WRITE_SCALE = 0.2
"""Initial size of a new part's output, as a share of the base's size: the outputs of several parts add up."""
ROW_SPEED = 8.0
"""Speed of a token's row relative to other weights: its logit starts far from the log-sum-exp of the others."""
KINDS = ("llama", "mistral", "qwen2")
"""Supported model types."""
READS, WRITES = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"), ("o_proj", "down_proj")


class Grown(nn.Module):
    """A base model with new parts, which alone are trained; see :func:`grow`.

    Attributes:
        model: the wider model, with layers that keep the base's weights and the new ones apart.
        config: the configuration of the wider model.
    """

    def __init__(self, model: Any) -> None:
        """Take the wider model."""
        super().__init__()
        self.model, self.config = model, model.config

    def forward(self, **given: Any) -> Any:
        """Return the output of the wider model."""
        return self.model(**given)

    def get_input_embeddings(self) -> Any:
        """Return the input embeddings of the wider model."""
        return self.model.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """Return the module that computes logits of the last hidden state."""
        return self.model.get_output_embeddings()

    def get_base_model(self) -> Any:
        """Return the wider model."""
        return self.model

    @property
    def rows(self) -> Tensor:
        """The new tokens' rows, trained, [tokens, width]."""
        head: _Head = self.model.get_output_embeddings()
        return head.trained

    def merged(self) -> Any:
        """Return the plain model, of the base's class, with all trained weights."""
        found = type(self.model)(self.config).to(next(self.parameters()).device)
        found.generation_config = copy.deepcopy(self.model.generation_config)
        with torch.no_grad():
            found.get_input_embeddings().weight.copy_(self.model.get_input_embeddings().weight)
            for name, module in self.model.named_modules():
                if isinstance(module, _Linear | _Norm | _Head):
                    plain = found.get_submodule(name)
                    plain.weight.copy_(module.whole())
                    if isinstance(module, _Linear) and plain.bias is not None:
                        plain.bias.zero_()
                        if module.bias is not None:
                            plain.bias[: len(module.bias)] = module.bias
        return found.eval()


def grow(model: Any, config: GrowConfig, tokens: Sequence[int], *, seed: int = 0) -> Grown:
    """Return a model with new parts beside the base's.

    Args:
        model: the base, with the new tokens' rows.
        config: the number of new parts.
        tokens: ids of the new tokens, whose output rows are trained.
        seed: of the new parts' initial weights.

    Raises:
        InputError: as :func:`check_growable`.
    """
    wide = check_growable(model.config, config)
    found = type(model)(wide).to(next(model.parameters()).device).requires_grad_(False)
    found.generation_config = copy.deepcopy(model.generation_config)
    generator = torch.Generator().manual_seed(seed)
    write = EPSILON * WRITE_SCALE * _size(model, generator)
    with torch.no_grad():
        embeddings = found.get_input_embeddings().weight
        embeddings.zero_()
        embeddings[:, : model.config.hidden_size] = model.get_input_embeddings().weight
    old = dict(model.named_modules())
    for name, module in list(found.named_modules()):
        part = name.rpartition(".")[2]
        base = old.get(name)
        still = base is not None and ".layers." in name and not config.heads
        like: Any = base or old.get(re.sub(r"\blayers\.\d+\.", "layers.0.", name))
        if part in READS or part in WRITES:
            scale = write if part in WRITES else 1.0
            fresh = base is None and part in READS
            rows = like.weight[:0] if fresh else like.weight
            linear = _Linear(rows, like.bias, base is not None, module.weight.shape, scale, generator)
            if still:
                linear.stay_empty()
            replaced: nn.Module = linear
        elif name.endswith("norm"):
            replaced = _Norm(like, base is not None, wide)
            replaced.requires_grad_(not still)
        elif part == "lm_head":
            replaced = _Head(like, tokens, wide.hidden_size, generator)
        else:
            continue
        found.set_submodule(name, replaced.to(embeddings.device))
    return Grown(found)


def check_growable(base: Any, config: GrowConfig) -> Any:
    """Return the configuration of a base grown by new parts.

    Args:
        base: the base's configuration.
        config: the number of new parts.

    Raises:
        InputError: the model's type is not supported, or its heads do not divide the channels.
    """
    kind = base.model_type
    if kind not in KINDS:
        raise InputError(
            f"recipe.method=grow supports models of type {', '.join(KINDS)}, got {kind!r}: give recipe.method=lora"
        )
    wide = _wider(base, config)
    if wide.hidden_size % wide.num_attention_heads:
        raise InputError(
            f"recipe.grow makes {wide.hidden_size} channels and {wide.num_attention_heads} attention heads, and "
            "transformers needs the former to be a multiple of the latter: give other recipe.grow.channels"
        )
    return wide


@torch.no_grad()
def _size(model: Any, generator: torch.Generator) -> float:
    """Return the root mean square of the base's channels between its layers, on random tokens."""
    ids = torch.randint(model.config.vocab_size, (8, 32), generator=generator).to(next(model.parameters()).device)
    states = model(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states
    between = states[1:-1] or states[:1]  # the last is normed
    return float(torch.stack([state.float().square().mean().sqrt() for state in between]).median())


def _wider(base: Any, config: GrowConfig) -> Any:
    wide = copy.deepcopy(base)
    share = wide.num_attention_heads // wide.num_key_value_heads
    wide.head_dim = getattr(wide, "head_dim", None) or wide.hidden_size // wide.num_attention_heads
    wide.rms_norm_eps = wide.rms_norm_eps * wide.hidden_size / (wide.hidden_size + config.channels)
    wide.hidden_size += config.channels
    wide.num_key_value_heads += config.heads
    wide.num_attention_heads += config.heads * share
    wide.intermediate_size += config.neurons
    wide.num_hidden_layers += config.layers
    if getattr(wide, "layer_types", None):
        wide.layer_types = [*wide.layer_types, *wide.layer_types[-1:] * config.layers]
    return wide


class _Linear(nn.Module):
    """The base's rows, which read the base's columns, and new rows, which read all columns.

    A new layer has no base: its writing matrices leave the base's channels at 0, its reading ones have new rows only.
    """

    base: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        base: Tensor,
        bias: Tensor | None,
        there: bool,
        shape: tuple[int, int],
        scale: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        base = base.detach()
        self.register_buffer("base", base.clone() if there else None)
        self.register_buffer("bias", bias.detach().clone() if there and bias is not None else None)
        self.old, self.scale = base.shape, scale
        fresh = torch.randn((shape[0] - base.shape[0], shape[1]), generator=generator)
        self.trained = nn.Parameter(fresh / shape[1] ** 0.5)

    def stay_empty(self) -> None:
        """Leave the new rows at 0: none of the base's parts writes into the new channels."""
        self.trained.requires_grad_(False).zero_()

    def forward(self, x: Tensor) -> Tensor:
        if self.base is None:
            old = x.new_zeros((*x.shape[:-1], self.old[0]))
        else:
            with torch.no_grad():
                old = functional.linear(x[..., : self.old[1]], self.base, self.bias)
        return torch.cat([old, functional.linear(x, self.trained * self.scale)], dim=-1)

    def whole(self) -> Tensor:
        base = self.trained.new_zeros(self.old) if self.base is None else self.base
        columns = self.trained.shape[1]
        return torch.cat([functional.pad(base, (0, columns - self.old[1])), self.trained * self.scale])


class _Norm(nn.Module):
    """An RMS norm with the base's weights and new ones, over the mean square of all channels."""

    base: Tensor

    def __init__(self, like: Any, there: bool, wide: Any) -> None:
        super().__init__()
        weight, self.eps = like.weight.detach(), wide.rms_norm_eps
        shrink = (len(weight) / wide.hidden_size) ** 0.5
        self.register_buffer("base", shrink * (weight if there else torch.ones_like(weight)))
        self.scale = shrink / EPSILON
        self.trained = nn.Parameter(torch.ones(wide.hidden_size - len(weight)))

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, x.shape[-1:], self.whole(), self.eps)

    def whole(self) -> Tensor:
        return torch.cat([self.base, self.trained * self.scale])


class _Head(nn.Module):
    """The base's logits, computed from the base's channels, and the new tokens' logits, from all channels."""

    base: Tensor
    tokens: Tensor

    def __init__(self, like: Any, tokens: Sequence[int], width: int, generator: torch.Generator) -> None:
        super().__init__()
        weight = like.weight.detach()
        self.register_buffer("base", weight.clone())
        self.register_buffer("tokens", torch.tensor(list(tokens)))
        self.width = width
        rows = 0.1 * torch.randn((len(tokens), width), generator=generator)
        rows[:, : weight.shape[1]] = weight[list(tokens)].cpu()
        self.trained = nn.Parameter(rows / ROW_SPEED)

    @property
    def weight(self) -> Tensor:
        return self.whole()

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            logits = functional.linear(x[..., : self.base.shape[1]], self.base)
        new = functional.linear(x, self.trained * ROW_SPEED)
        return logits.index_copy(-1, self.tokens, new)

    def whole(self) -> Tensor:
        whole = functional.pad(self.base, (0, self.width - self.base.shape[1]))
        return whole.index_copy(0, self.tokens, self.trained * ROW_SPEED)
