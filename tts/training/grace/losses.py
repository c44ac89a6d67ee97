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


def confidence_loss(log_odds: Tensor, packed: Packed, wanted: Tensor, recipe: GraceRecipe) -> Tensor:
    """Return the calibration loss summed over responses: at the end, plus for a trace its mean over all positions.

    Args:
        log_odds: of the confidence at the places that branches read, [places].
        packed: where confidences are read.
        wanted: targets in [0, 1], [responses].
        recipe: which loss and which positions.
    """

    def off(found: Tensor, goal: Tensor) -> Tensor:
        if recipe.loss == "squared":
            return (found.sigmoid() - goal) ** 2
        return functional.binary_cross_entropy_with_logits(found, goal, reduction="none")

    at_end = off(packed.ends(log_odds)[: packed.responses], wanted)
    if recipe.positions == "end":
        return at_end.sum()
    every = packed.branches(log_odds)[: packed.responses]
    inside = packed.inside[: packed.responses].float()
    everywhere = (off(every, wanted[:, None].expand_as(every)) * inside).sum(1) / inside.sum(1)
    return (at_end + everywhere).sum()


def language_loss(logits: Tensor, source: Tensor, labels: Tensor, token: int) -> Tensor:
    """Return the cross-entropy summed over all labelled places, in nats, without the confidence token.

    Args:
        logits: at some places, [places, vocab].
        source: the place that each label follows, [...].
        labels: -100 where there is none, [...].
        token: id of the confidence token.
    """
    seen = labels != -100
    at = source[seen]
    return (others(logits, token).logsumexp(-1)[at] - logits[at, labels[seen]]).sum()


def divergence(logits: Tensor, base: Tensor, source: Tensor, labels: Tensor, token: int) -> Tensor:
    """Return KL(base || model) in nats, summed over the labelled places, without the confidence token.

    Args:
        logits: of the model at some places, [places, vocab].
        base: of the base model, the same shape.
        source: the place that each label follows, [...].
        labels: -100 where there is none, [...].
        token: id of the confidence token.
    """
    times = torch.bincount(source[labels != -100], minlength=len(logits))
    places = times.nonzero()[:, 0]

    def drawn(given: Tensor) -> Tensor:
        rows = given[places]
        return torch.cat([rows[:, :token], rows[:, token + 1 :]], dim=1).log_softmax(-1)

    each = functional.kl_div(drawn(logits), drawn(base), reduction="none", log_target=True).sum(-1)
    total: Tensor = (each * times[places]).sum()
    return total
