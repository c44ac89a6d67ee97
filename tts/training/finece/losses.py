"""The loss of a FineCE scorer, and the logits that it is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from tts.models.packed import forward
from tts.training.packing import Packed


def value_logits(model: Any, packed: Packed, tokens: Sequence[int]) -> Tensor:
    """Return the logits of the confidence at every place of every branch.

    Returns:
        [branches, width, 11] of the value tokens, or [branches, width, 1] of a head.
    """
    logits: Tensor = forward(model, packed).logits
    return packed.branches(packed.read(logits[..., list(tokens)] if tokens else logits)).float()


def value_loss(logits: Tensor, goal: Tensor) -> Tensor:
    """Return the cross-entropy between predicted confidences and goals in [0, 1], in nats, [...].

    A goal between two values is shared between them, so that its expectation is itself.

    Args:
        logits: [..., 11] of value tokens, or [..., 1] of a head.
        goal: [...].
    """
    if logits.shape[-1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[..., 0], goal, reduction="none")
    steps = logits.shape[-1] - 1
    low = (goal * steps).floor().clamp(max=steps - 1)
    share = goal * steps - low
    logs = logits.log_softmax(-1)
    at = low.long()[..., None]
    return -((1 - share) * logs.gather(-1, at)[..., 0] + share * logs.gather(-1, at + 1)[..., 0])
