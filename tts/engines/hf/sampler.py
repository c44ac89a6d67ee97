"""Sampling: from next-token logits to tokens and their signals; tensors in, numbers out.

Suppressed tokens are never drawn, not even greedily. Tokens come from the softmax over the other tokens, and so
log-probabilities, top-k confidences, entropies and self-certainties are those of this distribution, at temperature 1.
Processed log-probabilities are those of the distribution that the sampling parameters make of it.
Probabilities of watched and probed tokens are those of the softmax over the whole vocabulary: a token may exist only to
be read, as GrACE's confidence token does (arXiv 2509.09438).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tts.engines.hf.filters import Parameters, filtered
from tts.engines.hf.noise import by_row, draw_tokens, hash_keys, of_tokens
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.types import Signals

NEVER = float("-inf")
CHUNK = 1 << 20
"""The most logits that a processor works on at once: its caches hold them, larger tensors take far longer."""
ALTERNATIVE = ("alternative", "alternative processed", "alternative logprob")
"""The parts of alternatives while they are tensors, [rows, k] each."""


@dataclass(slots=True)
class SampledTokens:
    """One token for each row, running rows first, with its signals.

    ``watched`` is [rows][watched tokens], None if there are none; ``columns`` holds the measured signals by name;
    ``probed`` is P(probed token) by probed row.
    """

    tokens: list[int]
    logprobs: list[float]
    watched: list[list[float]] | None = None
    columns: dict[str, list[Any]] = field(default_factory=dict)
    probed: dict[int, float] = field(default_factory=dict)


def _top(logprobs: Tensor, wanted: Signals, suppressed: Tensor | None) -> Tensor:
    """The mean negative log-probability of the k most probable tokens."""
    return -logprobs.topk(wanted.top).values.mean(-1)


def _entropy(logprobs: Tensor, wanted: Signals, suppressed: Tensor | None) -> Tensor:
    return -(logprobs.exp() * logprobs.clamp(min=torch.finfo(torch.float32).min)).sum(-1)


def _certainty(logprobs: Tensor, wanted: Signals, suppressed: Tensor | None) -> Tensor:
    """KL(uniform || p), both over the tokens that can be drawn."""
    if suppressed is None:
        return -logprobs.mean(-1) - math.log(logprobs.shape[-1])
    count = logprobs.shape[-1] - len(suppressed)
    return -logprobs.index_fill(-1, suppressed, 0.0).sum(-1) / count - math.log(count)


MEASURES: dict[str, Callable[[Tensor, Signals, Tensor | None], Tensor]] = {
    "top": _top,
    "entropy": _entropy,
    "certainty": _certainty,
}
"""The signals that are measured on each token's distribution, by the name of their column: [rows, vocab] to [rows]."""


class Sampler:
    """Draws one token for each row."""

    def __init__(self, sampling: Sampling, suppressed: Ids, device: Any) -> None:
        """Take the sampling parameters and the ids of the tokens that are never drawn."""
        self.sampling, self._own = sampling, Parameters.of([sampling], device)
        self._suppressed = torch.tensor(suppressed, device=device) if suppressed else None
        self._places: dict[Ids, Tensor] = {}  # ids as tensors

    def draw(
        self,
        logits: Tensor,
        noise_keys: Sequence[tuple[int, int]],
        wanted: Signals,
        probing: Sequence[int],
        changed: Mapping[int, Sampling],
        sources: Sequence[int] = (),
    ) -> SampledTokens:
        """Draw a token of each row, with noise of its own.

        Args:
            logits: of the next tokens, [slots, vocab].
            noise_keys: the key of each row's draw, and the position of its next token.
            wanted: the signals to report of each distribution.
            probing: rows whose probability of ``wanted.probe`` is reported.
            changed: the sampling parameters of rows that have others, which only ``top_k`` may not be.
            sources: the slot of each row, in no falling order; empty where row i has slot i.
        """
        if sources and (changed or probing):
            logits, sources = logits[torch.tensor(sources, device=logits.device)], ()
        probed = self._probed(logits, wanted.probe, probing) if wanted.probe is not None and probing else {}
        how = self._own
        if changed:
            how = Parameters.of([changed.get(row, self.sampling) for row in range(len(noise_keys))], logits.device)
        words = hash_keys(noise_keys, logits.device)
        parts = []
        for slots in _chunks(logits):
            rows, at = slots, None
            if sources:
                rows = slice(bisect_left(sources, slots.start), bisect_left(sources, slots.stop))
                at = torch.tensor(sources[rows], device=logits.device) - slots.start
            parts.append(self._draw(logits[slots], words[rows], wanted, how.of_rows(slots), at))
        found = {name: torch.cat([part[name] for part in parts]).tolist() for name in parts[0]}
        tokens, logprobs, watched = (found.pop(name, None) for name in ("tokens", "logprobs", "watched"))
        if wanted.alternatives:
            found["alternatives"] = _alternatives(*(found.pop(name) for name in ALTERNATIVE))
        return SampledTokens(tokens or [], logprobs or [], watched, found, probed)

    def _draw(
        self, logits: Tensor, words: Tensor, wanted: Signals, how: Parameters, at: Tensor | None
    ) -> dict[str, Tensor]:
        """Return the tokens of the rows of a few slots with their signals by column; ``at`` is each row's slot."""
        logits, logprobs, watched = self._distribution(logits.float(), wanted)
        tokens, probabilities = _pick(logits, words, how, at)
        found = {"tokens": tokens, **self._columns(tokens, logprobs, watched, wanted, at)}
        if wanted.processed:
            found["processed"] = _processed(tokens, probabilities, how, at)
        if wanted.alternatives:
            found |= _most_probable(tokens, probabilities, logprobs, wanted.alternatives, how, at)
        return found

    def read(self, logits: Tensor, tokens: Tensor, wanted: Signals) -> dict[str, Tensor]:
        """Return the signals of given tokens by column; that of watched tokens has one value a watched token.

        Args:
            logits: of the distributions of the tokens, [rows, vocab].
            tokens: the tokens, [rows].
            wanted: the signals to report of each distribution.
        """
        parts = []
        for rows in _chunks(logits):
            _, logprobs, watched = self._distribution(logits[rows].float(), wanted)
            parts.append(self._columns(tokens[rows], logprobs, watched, wanted, None))
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _columns(
        self, tokens: Tensor, logprobs: Tensor, watched: Tensor | None, wanted: Signals, at: Tensor | None
    ) -> dict[str, Tensor]:
        """Return the log-probabilities of tokens and the other wanted signals by column."""
        found = self._measured(logprobs, wanted) | ({} if watched is None else {"watched": watched})
        found = {name: by_row(values, at) for name, values in found.items()}
        return {"logprobs": of_tokens(logprobs, tokens[:, None], at)[:, 0], **found}

    def _distribution(self, logits: Tensor, wanted: Signals) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the logits and log-probabilities of tokens that can be drawn, and P(watched token) among all."""
        if self._suppressed is None:
            logprobs = logits.log_softmax(-1)
            return logits, logprobs, logprobs[:, self._at(wanted.watch, logits)].exp() if wanted.watch else None
        watched = None
        if wanted.watch:
            named = logits[:, self._at(wanted.watch, logits)]
            watched = (named - logits.logsumexp(-1, keepdim=True)).exp()
        logits = logits.index_fill(-1, self._suppressed, NEVER)
        return logits, logits.log_softmax(-1), watched

    def _measured(self, logprobs: Tensor, wanted: Signals) -> dict[str, Tensor]:
        return {
            name: measure(logprobs, wanted, self._suppressed)
            for name, measure in MEASURES.items()
            if getattr(wanted, name)
        }

    def _at(self, ids: Ids, like: Tensor) -> Tensor:
        known = self._places.get(ids)
        if known is None:
            known = self._places[ids] = torch.tensor(ids, device=like.device)
        return known

    def _probed(self, logits: Tensor, token: int, rows: Sequence[int]) -> dict[int, float]:
        """Return P(token) of some rows in the softmax over the whole vocabulary."""
        found = logits[torch.tensor(rows, device=logits.device)].float().log_softmax(-1)[:, token].exp()
        return dict(zip(rows, found.tolist(), strict=True))


def _chunks(logits: Tensor) -> list[slice]:
    """Return the rows that are worked on together: all on an accelerator, as many as caches hold on a processor."""
    rows, vocabulary = logits.shape
    size = max(1, CHUNK // vocabulary) if logits.device.type == "cpu" else max(1, rows)
    return [slice(start, start + size) for start in range(0, max(1, rows), size)]


def _pick(logits: Tensor, words: Tensor, how: Parameters, at: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return one token of each row, drawn with the noise of its word, or the most probable one.

    The probabilities beside them, by slot, are those that rows draw from, but for a factor; None where none draws.
    """
    if not how.drawn:
        return by_row(logits.argmax(-1), at), None
    probabilities = (logits / how.temperature).softmax(-1)
    if how.filtered:
        probabilities = filtered(probabilities, how)
    tokens = draw_tokens(probabilities, words, at)
    return tokens if how.greedy is None else torch.where(how.greedy, logits.argmax(-1), tokens), probabilities


def _processed(tokens: Tensor, probabilities: Tensor | None, how: Parameters, at: Tensor | None) -> Tensor:
    """Return the log-probability of each token among the probabilities of :func:`_pick`; 0 where a row is greedy."""
    if probabilities is None:
        return torch.zeros(len(tokens), device=tokens.device)
    sums = by_row(probabilities.sum(-1), at) if how.filtered else None
    found = _log_share(of_tokens(probabilities, tokens[:, None], at)[:, 0], sums)
    return found if how.greedy is None else found.masked_fill(how.greedy, 0.0)


def _log_share(some: Tensor, sums: Tensor | None) -> Tensor:
    """Return the logarithm of some of the probabilities of :func:`_pick`, whose sum filters have left short of 1."""
    return (some if sums is None else some / sums).log()


def _most_probable(
    tokens: Tensor, probabilities: Tensor | None, logprobs: Tensor, k: int, how: Parameters, at: Tensor | None
) -> dict[str, Tensor]:
    """Return the parts of :data:`ALTERNATIVE`, [rows, k] each, the most probable first; a greedy row has its token."""
    size = min(k, logprobs.shape[-1])
    if probabilities is None:
        ids = tokens[:, None].expand(-1, size)
        drawn = torch.full(ids.shape, NEVER, device=ids.device)
    else:
        largest, ids = probabilities.topk(size)
        drawn = _log_share(largest, probabilities.sum(-1, keepdim=True) if how.filtered else None)
        ids, drawn = by_row(ids, at), by_row(drawn, at)
    if how.greedy is not None:
        ids = torch.where(how.greedy[:, None], tokens[:, None], ids)
        drawn = drawn.masked_fill(how.greedy[:, None], NEVER)
        drawn[:, :1] = drawn[:, :1].masked_fill(how.greedy[:, None], 0.0)
    return dict(zip(ALTERNATIVE, (ids, drawn, of_tokens(logprobs, ids, at)), strict=True))


def _alternatives(ids: list[Any], drawn: list[Any], logprobs: list[Any]) -> list[Any]:
    """Return a tuple of alternatives for each row, without those that cannot be drawn."""
    rows = (zip(*parts, strict=True) for parts in zip(ids, drawn, logprobs, strict=True))
    return [tuple(one for one in row if one[1] > NEVER) for row in rows]
