"""Sampling: from next-token logits to tokens and their signals; tensors in, numbers out.

Suppressed tokens are never drawn, not even greedily. Tokens come from the softmax over the other tokens, and so
log-probabilities, top-k confidences, entropies and self-certainties are those of this distribution, at temperature 1.
Probabilities of watched and probed tokens are those of the softmax over the whole vocabulary: a token may exist only to
be read, as GrACE's confidence token does (arXiv 2509.09438).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.types import Signals

NEVER = float("-inf")


@dataclass(slots=True)
class SampledTokens:
    """One token for each row, running rows first, with its signals; None for a signal that was not collected.

    ``watched`` is [rows][watched tokens]; ``probed`` is P(probed token) by probed row.
    """

    tokens: list[int]
    logprobs: list[float]
    watched: list[list[float]] | None = None
    top: list[float] | None = None
    entropy: list[float] | None = None
    certainty: list[float] | None = None
    probed: dict[int, float] = field(default_factory=dict)


class Sampler:
    """Draws one token for each row."""

    def __init__(self, sampling: Sampling, suppressed: Ids, device: Any) -> None:
        """Take the sampling parameters and the ids of the tokens that are never drawn."""
        self.sampling = sampling
        self._suppressed = torch.tensor(suppressed, device=device) if suppressed else None
        self._places: dict[Ids, Tensor] = {}  # ids as tensors

    def draw(self, logits: Tensor, noise: Sequence[float], wanted: Signals, probing: Sequence[int]) -> SampledTokens:
        """Draw from [rows, vocab] by inverting each row's distribution at its own uniform number."""
        watched: list[list[float]] | None = None
        probed = self._probed(logits, wanted.probe, probing) if wanted.probe is not None and probing else {}
        if self._suppressed is None:
            logprobs = logits.log_softmax(-1)
            if wanted.watch:
                watched = logprobs[:, self._at(wanted.watch, logits)].exp().tolist()
        else:
            if wanted.watch:
                named = logits[:, self._at(wanted.watch, logits)]
                watched = (named - logits.logsumexp(-1, keepdim=True)).exp().tolist()
            logits = logits.index_fill(-1, self._suppressed, NEVER)
            logprobs = logits.log_softmax(-1)
        tokens = self._pick(logits, noise)
        drawn = SampledTokens(
            tokens.tolist(), logprobs.gather(-1, tokens[:, None])[:, 0].tolist(), watched, probed=probed
        )
        if wanted.top:
            drawn.top = (-logprobs.topk(wanted.top).values.mean(-1)).tolist()
        if wanted.entropy:
            drawn.entropy = (-(logprobs.exp() * logprobs.clamp(min=torch.finfo(torch.float32).min)).sum(-1)).tolist()
        if wanted.certainty:
            drawn.certainty = self._certainty(logprobs).tolist()
        return drawn

    def _at(self, ids: Ids, like: Tensor) -> Tensor:
        known = self._places.get(ids)
        if known is None:
            known = self._places[ids] = torch.tensor(ids, device=like.device)
        return known

    def _probed(self, logits: Tensor, token: int, rows: Sequence[int]) -> dict[int, float]:
        """Return P(token) of some rows in the softmax over the whole vocabulary."""
        found = logits[torch.tensor(rows, device=logits.device)].log_softmax(-1)[:, token].exp()
        return dict(zip(rows, found.tolist(), strict=True))

    def _certainty(self, logprobs: Tensor) -> Tensor:
        """Return KL(uniform || p), both over the tokens that can be drawn."""
        if self._suppressed is None:
            return -logprobs.mean(-1) - math.log(logprobs.shape[-1])
        drawable = logprobs.shape[-1] - len(self._suppressed)
        return -logprobs.index_fill(-1, self._suppressed, 0.0).sum(-1) / drawable - math.log(drawable)

    def _pick(self, logits: Tensor, noise: Sequence[float]) -> Tensor:
        how = self.sampling
        if how.temperature == 0:
            return logits.argmax(-1)
        probabilities, order = (logits / how.temperature).softmax(-1), None
        if how.top_k or how.top_p < 1:
            probabilities, order = probabilities.sort(dim=-1, descending=True)
            if how.top_p < 1:
                preceding = probabilities.cumsum(-1) - probabilities
                probabilities = probabilities.masked_fill(preceding >= how.top_p, 0.0)
            if how.top_k:
                probabilities[:, how.top_k :] = 0.0
        heap = probabilities.cumsum(-1)
        total = heap[:, -1:].contiguous()
        at = torch.tensor(noise, dtype=heap.dtype, device=heap.device)[:, None] * total
        token = torch.searchsorted(heap, at, right=True)
        token = token.minimum(torch.searchsorted(heap, total))  # never past the last token that can be drawn
        return (token if order is None else order.gather(-1, token))[:, 0]
