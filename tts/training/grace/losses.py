"""The losses: of confidences, and what keeps the text as it was."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from tts.training.grace.recipe import Recipe
from tts.training.packing import Packed


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
        logits: of the responses' branches, [responses, width, vocab].
        packed: where confidences are read.
        wanted: targets in [0, 1], [responses].
        token: id of the confidence token.
        recipe: which loss and which positions.
    """

    def off(log_odds: Tensor, goal: Tensor) -> Tensor:
        if recipe.loss == "squared":
            return (log_odds.sigmoid() - goal) ** 2
        return functional.binary_cross_entropy_with_logits(log_odds, goal, reduction="none")

    rows = torch.arange(len(wanted), device=logits.device)
    at = packed.at[: packed.responses]
    if recipe.positions == "end":
        return off(confidence_logit(logits[rows, at], token), wanted).sum()
    log_odds = confidence_logit(logits, token)
    inside = packed.inside[: packed.responses].float()
    everywhere = (off(log_odds, wanted[:, None].expand_as(log_odds)) * inside).sum(1) / inside.sum(1)
    return (off(log_odds[rows, at], wanted) + everywhere).sum()


def language_loss(logits: Tensor, labels: Tensor, token: int) -> Tensor:
    """Cross-entropy summed over all places that have a label, in the softmax without the confidence token, in nats."""
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
