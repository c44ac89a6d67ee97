"""The losses of GrACE: the calibration loss of confidences, and the language-model losses that keep the text."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from tts.training.grace.recipe import GraceRecipe
from tts.training.packing import Packed


def confidence_logit(logits: Tensor, token: int) -> Tensor:
    """Return the log-odds of the confidence token in the softmax over the whole vocabulary, of logits [..., vocab]."""
    return logits[..., token] - others(logits, token).logsumexp(-1)


def others(logits: Tensor, token: int) -> Tensor:
    """Return the logits with the confidence token's at minus infinity: it is never drawn."""
    masked: Tensor = logits.index_fill(-1, torch.tensor([token], device=logits.device), -math.inf)
    return masked


def confidence_loss(logits: Tensor, packed: Packed, wanted: Tensor, token: int, recipe: GraceRecipe) -> Tensor:
    """Return the calibration loss summed over rows: at the end, plus for a trace its mean over all positions.

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
    """Return the cross-entropy summed over all labelled places, in nats, without the confidence token."""
    seen = labels != -100
    return functional.cross_entropy(others(logits[seen], token), labels[seen], reduction="sum")


def divergence(logits: Tensor, base: Tensor, labels: Tensor, token: int) -> Tensor:
    """Return KL(base || model) in nats, summed over the labelled places, without the confidence token.

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
