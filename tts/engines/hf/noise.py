"""Gumbel-max with noise of each token's own: the token of the largest noisy log-probability is drawn.

The noise of a token is a hash of (draw, position, token). It depends on nothing else in the batch, and a small change
of the logits changes the drawn token only where the two largest noisy logits lie closer than the change. The largest
log p + Gumbel noise is the largest p / E with exponential noise E, which is computed here.

Only tokens that can still win need noise: a large vocabulary is drawn in two stages, first one of its blocks of 256
tokens by the mass of the blocks, then a token of that block. The distribution is the same. Noise comes in steps of
2^-62, so that a block below 2^-62 of the mass, or a token below 2^-62 of its block's, may never win. In a vocabulary of
up to a million tokens that cuts off less than 1e-15 of the mass. Float32 rounds the probabilities themselves to 1e-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 256
"""Tokens in a block, of consecutive ids."""
ONE_STAGE = 512
"""The largest vocabulary that is drawn in one stage."""

_STEP, _FIRST, _SECOND = (n - (1 << 64) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_NEGATIVE_ODD = 1 - (1 << 63)
_TO_UNIT = 2.0**-63 * (1 - 2.0**-24)

Words = TypeVar("Words", Tensor, NDArray[np.int64])


def hash_keys(noise_keys: Sequence[tuple[int, int]], device: Any) -> Tensor:
    """Return a word of 64 bits for each row, the same on every device, int64 [rows].

    Args:
        noise_keys: the key of each draw, in [0, 2^63), and the position of its next token, >= 0.
        device: the device of the words.
    """
    keys, positions = np.array(noise_keys, dtype=np.int64).reshape(-1, 2).T
    return torch.from_numpy(_mixed(keys ^ _mixed((positions + 1) * _STEP))).to(device)


def draw_tokens(probabilities: Tensor, words: Tensor, at: Tensor | None = None) -> Tensor:
    """Return one token of each row, [rows].

    Args:
        probabilities: of the tokens by id, float32 [slots, vocab]; only their ratios matter, and 0 is never drawn.
        words: the word of each row, int64 [rows].
        at: the slot of each row, int64 [rows]; None where row i has slot i.

    Source:
        Gumbel-max as in Maddison, Tarlow and Minka, arXiv 1411.0030, section 2.
    """
    words, size = words[:, None], probabilities.shape[-1]
    if size <= ONE_STAGE:
        return _winner(by_row(probabilities, at), words, torch.arange(size, device=words.device))[:, 0]
    whole = size - size % BLOCK
    masses = probabilities[:, :whole].view(len(probabilities), -1, BLOCK).sum(-1)
    if whole < size:
        masses = torch.cat([masses, probabilities[:, whole:].sum(-1, keepdim=True)], dim=-1)
    blocks = torch.arange(masses.shape[-1], device=words.device)
    tokens = _winner(by_row(masses, at), words, -1 - blocks) * BLOCK + torch.arange(BLOCK, device=words.device)
    inside = of_tokens(probabilities, tokens.clamp(max=size - 1), at).masked_fill_(tokens >= size, 0.0)
    return tokens.gather(-1, _winner(inside, words, tokens))[:, 0]


def by_row(values: Tensor, at: Tensor | None) -> Tensor:
    """Return the values of each row's slot, of values by slot; see :func:`draw_tokens`."""
    return values if at is None else values[at]


def of_tokens(values: Tensor, tokens: Tensor, at: Tensor | None) -> Tensor:
    """Return the values of tokens [rows, n] at each row's slot, of values by slot and token."""
    return values.gather(-1, tokens) if at is None else values[at[:, None], tokens]


def negative_exponential(hashed: Tensor) -> Tensor:
    """Return -E, E exponential noise in [2^-63, 16.7], for uniform words of 64 bits, which are overwritten."""
    return hashed.bitwise_or_(_NEGATIVE_ODD).float().mul_(_TO_UNIT).log1p_()


def _winner(masses: Tensor, words: Tensor, ids: Tensor) -> Tensor:
    """Return the column of the largest mass / E, [rows, 1]; the ids key the noise, negative ones for blocks."""
    return (masses / negative_exponential(_mixed(words + ids * _STEP))).argmin(-1, keepdim=True)


def _mixed(words: Words) -> Words:
    """Hash words of 64 bits, as splitmix64 does but for the sign, which these shifts keep."""
    words = (words ^ (words >> 30)) * _FIRST
    words = (words ^ (words >> 27)) * _SECOND
    return words ^ (words >> 31)
