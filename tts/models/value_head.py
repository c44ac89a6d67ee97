"""From a model's output to a confidence: the expectation over value tokens, or a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts.training.packing import Packed, forward


class ValueHeadModel(nn.Module):
    """A model with a linear head on its last hidden state, one logit a place.

    Attributes:
        model: the model.
        head: the head.
        config: the model's.
    """

    def __init__(self, model: Any) -> None:
        """Put a head of zeros on a model: it starts at confidence 1/2."""
        super().__init__()
        self.model, self.config = model, model.config
        self.head = nn.Linear(model.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, **given: Any) -> Any:
        """As the model's, with its ``values`` [..., 1] in place of logits."""
        found = self.model(**given, output_hidden_states=True)
        found.logits = self.head(found.hidden_states[-1].float())
        return found

    def get_input_embeddings(self) -> Any:
        """The model's."""
        return self.model.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """The model's."""
        return self.model.get_output_embeddings()


def said(model: Any, packed: Packed, tokens: Sequence[int]) -> Tensor:
    """Logits at every place of every branch: [branches, width, 11] of the tokens, or [branches, width, 1] of a head."""
    logits: Tensor = packed.branches(forward(model, packed).logits)
    return (logits[..., list(tokens)] if tokens else logits).float()


def confidence(given: Tensor) -> Tensor:
    """The confidence, in [0, 1], [...], of logits [..., 11] or [..., 1]."""
    if given.shape[-1] == 1:
        return given[..., 0].sigmoid()
    return given.softmax(-1) @ torch.linspace(0, 1, given.shape[-1], device=given.device)


def loss(given: Tensor, goal: Tensor) -> Tensor:
    """Cross-entropy between what is said and goals in [0, 1], in nats, [...].

    A goal between two values is shared between them, so that its expectation is itself.

    Args:
        given: logits, [..., 11] or [..., 1].
        goal: [...].
    """
    if given.shape[-1] == 1:
        return functional.binary_cross_entropy_with_logits(given[..., 0], goal, reduction="none")
    steps = given.shape[-1] - 1
    low = (goal * steps).floor().clamp(max=steps - 1)
    share = goal * steps - low
    logs = given.log_softmax(-1)
    at = low.long()[..., None]
    return -((1 - share) * logs.gather(-1, at)[..., 0] + share * logs.gather(-1, at + 1)[..., 0])
