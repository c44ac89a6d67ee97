"""From next-token distributions to tokens, and to what is told of them: tensors in, numbers out.

Tokens that are suppressed are never drawn, greedily neither. What draws is then the softmax over the others, and so
log-probabilities, top-k confidences, entropies and self-certainties are of that distribution, at temperature 1. The
probabilities of watched and of probed tokens are in the softmax over the whole vocabulary: a token may be there only to
be asked for, as GrACE's confidence token is (arXiv 2509.09438).
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
class Drawn:
    """One token a row, running rows first; ``watched`` is [rows][watched tokens]; None was not asked for.

    ``probed`` is P(probed token) of each row that was probed.
    """

    tokens: list[int]
    logprobs: list[float]
    watched: list[list[float]] | None = None
    top: list[float] | None = None
    entropy: list[float] | None = None
    certainty: list[float] | None = None
    probed: dict[int, float] = field(default_factory=dict)


class Sampler:
    """Draws one token a row."""

    def __init__(self, sampling: Sampling, suppressed: Ids, device: Any) -> None:
        """Take how tokens are drawn and the ids of those that never are."""
        self.sampling = sampling
        self._suppressed = torch.tensor(suppressed, device=device) if suppressed else None
        self._places: dict[Ids, Tensor] = {}  # ids as tensors

    def draw(self, logits: Tensor, noise: Sequence[float], wanted: Signals, probing: Sequence[int]) -> Drawn:
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
        drawn = Drawn(tokens.tolist(), logprobs.gather(-1, tokens[:, None])[:, 0].tolist(), watched, probed=probed)
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
        """P(token) of some rows in the softmax over the whole vocabulary."""
        found = logits[torch.tensor(rows, device=logits.device)].log_softmax(-1)[:, token].exp()
        return dict(zip(rows, found.tolist(), strict=True))

    def _certainty(self, logprobs: Tensor) -> Tensor:
        """KL(uniform || p), both over the tokens that can be drawn."""
        if self._suppressed is None:
            return -logprobs.mean(-1) - math.log(logprobs.shape[-1])
        kept = logprobs.shape[-1] - len(self._suppressed)
        return -logprobs.index_fill(-1, self._suppressed, 0.0).sum(-1) / kept - math.log(kept)

    def _pick(self, logits: Tensor, noise: Sequence[float]) -> Tensor:
        how = self.sampling
        if how.temperature == 0:
            return logits.argmax(-1)
        probabilities, order = (logits / how.temperature).softmax(-1), None
        if how.top_k or how.top_p < 1:
            probabilities, order = probabilities.sort(dim=-1, descending=True)
            if how.top_p < 1:
                before = probabilities.cumsum(-1) - probabilities
                probabilities = probabilities.masked_fill(before >= how.top_p, 0.0)
            if how.top_k:
                probabilities[:, how.top_k :] = 0.0
        heap = probabilities.cumsum(-1)
        total = heap[:, -1:].contiguous()
        at = torch.tensor(noise, dtype=heap.dtype, device=heap.device)[:, None] * total
        token = torch.searchsorted(heap, at, right=True)
        token = token.minimum(torch.searchsorted(heap, total))  # never past the last token that can be drawn
        return (token if order is None else order.gather(-1, token))[:, 0]
