"""From a model's output to a confidence: the expectation over value tokens, or a linear head."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ValueHeadModel(nn.Module):
    """A model with a linear head on its last hidden state, one logit a place.

    Attributes:
        model: the model.
        head: the head.
        config: the model's configuration.
    """

    def __init__(self, model: Any) -> None:
        """Put a head of zeros on a model: it starts at confidence 1/2."""
        super().__init__()
        self.model, self.config = model, model.config
        self.head = nn.Linear(model.config.hidden_size, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, **inputs: Any) -> Any:
        """Return the model's output with the head's values [..., 1] in place of the logits."""
        found = self.model(**inputs, output_hidden_states=True)
        found.logits = self.head(found.hidden_states[-1].float())
        return found

    def get_input_embeddings(self) -> Any:
        """Return the model's input embeddings."""
        return self.model.get_input_embeddings()

    def get_output_embeddings(self) -> Any:
        """Return the model's output embeddings."""
        return self.model.get_output_embeddings()


def confidence(logits: Tensor) -> Tensor:
    """Return the confidence, in [0, 1], [...].

    Args:
        logits: [..., 11] of value tokens, or [..., 1] of a head.
    """
    if logits.shape[-1] == 1:
        return logits[..., 0].sigmoid()
    return logits.softmax(-1) @ torch.linspace(0, 1, logits.shape[-1], device=logits.device)
