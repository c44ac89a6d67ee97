"""The loss of a FineCE scorer, and the logits that it is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from tts.training.last_states import LastStates
from tts.training.packing import Packed


def value_logits(model: Any, packed: Packed, tokens: Sequence[int], states: LastStates) -> Tensor:
    """Return the logits of the confidence at every place of every branch.

    Args:
        model: the scorer.
        packed: the branches.
        tokens: ids of the value tokens; empty for a :class:`~tts.models.value_head.ValueHeadModel`.
        states: computes last hidden states.

    Returns:
        [branches, width, 11] of the value tokens, or [branches, width, 1] of a head.
    """
    if tokens:
        return packed.branches(states.read(model, packed)[1][:, list(tokens)]).float()
    return packed.branches(model.head(packed.read(states(model.model, packed)).float()))


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
