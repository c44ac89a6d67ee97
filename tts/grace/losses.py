"""Responses as tensors, and the two losses on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tts.grace.recipe import Recipe
from tts.grace.responses import Response


@dataclass(frozen=True, slots=True)
class Packed:
    """Responses as tensors, padded on the right.

    Attributes:
        ids: what the model reads, [rows, length]: prompt and response, and the confidence token where it is read after.
        labels: the token that follows each position, of the response only and never the confidence token; else -100.
        at: where each confidence is read, [rows].
        inside: positions that follow some token of the response, or the prompt, [rows, length].
    """

    ids: Tensor
    labels: Tensor
    at: Tensor
    inside: Tensor


def pack(responses: Sequence[Response], *, end: int, token: int, after: bool, device: Any = "cpu") -> Packed:
    """Pad and label.

    Args:
        responses: at least one.
        end: id of the token that ends a response; a label, where the model ended it, and never read.
        token: id of the confidence token.
        after: whether the confidence is read at the token's own position.
        device: where the tensors go.
    """
    width = max(one.length for one in responses) + after
    ids = torch.zeros((len(responses), width), dtype=torch.long)
    labels = torch.full_like(ids, -100)
    inside = torch.zeros_like(ids, dtype=torch.bool)
    at = torch.tensor([one.length - 1 + after for one in responses])
    for row, one in enumerate(responses):
        first, last = len(one.prompt) - 1, one.length - 1
        ids[row, : one.length] = torch.tensor([*one.prompt, *one.ids])
        labels[row, first:last] = torch.tensor(one.ids)
        if one.ended:
            labels[row, last] = end
        inside[row, first : last + 1] = True
        if after:
            ids[row, one.length] = token
    return Packed(ids.to(device), labels.to(device), at.to(device), inside.to(device))


def confidence_logit(logits: Tensor, token: int) -> Tensor:
    """Log-odds of the confidence token in the softmax over the whole vocabulary, of logits [..., vocab]."""
    return logits[..., token] - others(logits, token).logsumexp(-1)


def others(logits: Tensor, token: int) -> Tensor:
    """The logits of everything that can be drawn: all but the confidence token."""
    masked: Tensor = logits.index_fill(-1, torch.tensor([token], device=logits.device), -math.inf)
    return masked


def confidence_loss(logits: Tensor, packed: Packed, wanted: Tensor, token: int, recipe: Recipe) -> Tensor:
    """The calibration loss summed over rows: at the end, plus for a trace its mean over all positions.

    Args:
        logits: [rows, length, vocab].
        packed: where confidences are read.
        wanted: targets in [0, 1], [rows].
        token: id of the confidence token.
        recipe: which loss and which positions.
    """

    def off(log_odds: Tensor, goal: Tensor) -> Tensor:
        if recipe.loss == "squared":
            return (log_odds.sigmoid() - goal) ** 2
        return functional.binary_cross_entropy_with_logits(log_odds, goal, reduction="none")

    rows = torch.arange(len(wanted), device=logits.device)
    if recipe.positions == "end":
        return off(confidence_logit(logits[rows, packed.at], token), wanted).sum()
    log_odds = confidence_logit(logits, token)
    inside = packed.inside.float()
    everywhere = (off(log_odds, wanted[:, None].expand_as(log_odds)) * inside).sum(1) / inside.sum(1)
    return (off(log_odds[rows, packed.at], wanted) + everywhere).sum()


def language_loss(logits: Tensor, labels: Tensor, token: int) -> Tensor:
    """Cross-entropy summed over the response's tokens, in the softmax without the confidence token, in nats."""
    seen = labels != -100
    return functional.cross_entropy(others(logits[seen], token), labels[seen], reduction="sum")


def divergence(logits: Tensor, base: Tensor, labels: Tensor, token: int) -> Tensor:
    """KL(base || model) summed over the places that have a label, without the confidence token, in nats.

    Args:
        logits: of the model, [rows, length, vocab].
        base: of the base model, the same shape.
        labels: -100 where a place does not count, [rows, length].
        token: id of the confidence token.
    """
    seen = labels != -100

    def drawn(given: Tensor) -> Tensor:
        rows = given[seen]
        return torch.cat([rows[:, :token], rows[:, token + 1 :]], dim=1).log_softmax(-1)

    return functional.kl_div(drawn(logits), drawn(base), reduction="sum", log_target=True)
