"""One causal language model and its key-value cache: sequences of tokens in, the next token of each out.

Knows nothing about requests, event loops or text. Rows of the cache are slots 0 to n - 1, kept dense by moving the last
row into a freed slot, so that a step reads a view of the cache and copies nothing. Everything here runs in one thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tts.engines.hf.kv_cache import KVCacheView
from tts.engines.hf.prefix_cache import TokenLRU
from tts.engines.hf.sampler import SampledTokens, Sampler
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.types import Signals

PrefixKey = tuple[int, Ids]
"""The key of a parked sequence: the length of its prompt, and its tokens, the prompt's included."""
KVPieces = tuple[Tensor, ...]
"""The keys and values of the first tokens of a sequence, in pieces, [layers, 2, heads, length, dim] each."""


@dataclass(slots=True)
class Prefilled:
    """A sequence that was read: keys and values [layers, 2, heads, length, dim], and the next logits [vocab]."""

    kv: Tensor
    logits: Tensor


@dataclass(slots=True)
class JoiningSequence:
    """A sequence about to take a row; ``cached`` of its tokens are not read again."""

    ids: Ids
    prompt_ids: Ids  # the part that other rows may share
    cached: int = 0

    @property
    def size(self) -> int:
        """The number of its tokens."""
        return len(self.ids)

    @property
    def prefix_key(self) -> PrefixKey:
        """The key without the last token: if it is parked, only the last token is left to read."""
        return len(self.prompt_ids), self.ids[:-1]


@dataclass(slots=True)
class StepInput:
    """The input of one pass: rows to move, sequences that join, and one token to draw for each row.

    Attributes:
        moves: (from, to, length), applied first and in this order.
        joining: sequences that take the slots after the ``tokens`` rows.
        tokens: the token each running row has just drawn, not in the cache yet.
        lengths: tokens of each running row that are in the cache.
        noise_keys: the key of each row's draw and the position of its next token, joining rows last.
        changed: the sampling parameters of rows that are not drawn with the decoder's own.
        signals: the signals to report of each distribution.
        probing: rows whose newest token is ``signals.probe``; its probability there is reported.
    """

    moves: list[tuple[int, int, int]] = field(default_factory=list)
    joining: list[JoiningSequence] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    noise_keys: list[tuple[int, int]] = field(default_factory=list)
    changed: dict[int, Sampling] = field(default_factory=dict)
    signals: Signals = field(default_factory=Signals)
    probing: list[int] = field(default_factory=list)


class Decoder:
    """Runs the model on a :class:`StepInput`; caches prompts and parked rows for later draws.

    Attributes:
        prompts: the cached prompts, by their tokens.
        parked: the keys and values that rows had behind their prompts, [layers, 2, heads, length, dim].
    """

    def __init__(
        self,
        model: Any,
        sampling: Sampling,
        *,
        suppressed: Ids = (),
        prompt_cache_tokens: int = 32_768,
        parked_cache_tokens: int = 32_768,
        max_pass_tokens: int = 4096,
    ) -> None:
        """Take a causal language model in evaluation mode.

        Args:
            model: a Hugging Face model on its device.
            sampling: how tokens are drawn.
            suppressed: ids of tokens that are never drawn.
            prompt_cache_tokens: the most tokens of prompts to cache.
            parked_cache_tokens: the most tokens of parked rows to cache, prompts not counted; 0 parks none.
            max_pass_tokens: the most tokens to read in one pass.
        """
        self.model = model
        self.sampler = Sampler(sampling, suppressed, model.device)
        self.max_pass_tokens = max_pass_tokens
        self.prompts: TokenLRU[Prefilled] = TokenLRU(prompt_cache_tokens)
        self.parked: TokenLRU[Tensor] = TokenLRU(parked_cache_tokens)
        self.vocabulary: int = model.get_output_embeddings().weight.shape[0]
        config = model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self._shape = (config.num_hidden_layers, heads, dim)
        self._kv = self.empty(0, 0)

    def empty(self, rows: int, length: int) -> Tensor:
        """Return an empty cache, [layers, 2, rows, heads, length, dim]."""
        layers, heads, dim = self._shape
        return torch.zeros((layers, 2, rows, heads, length, dim), dtype=self.model.dtype, device=self.model.device)

    def mark_cached(self, joining: Sequence[JoiningSequence]) -> None:
        """Set ``cached`` of each sequence, if they are read in this order."""
        read: set[Ids] = set()
        for one in joining:
            if one.ids in read or one.ids in self.prompts:
                one.cached = len(one.ids)
                continue
            one.cached = len(one.prompt_ids) if one.prompt_ids in read or one.prompt_ids in self.prompts else 0
            if one.prefix_key in self.parked:
                one.cached += len(one.ids) - 1 - len(one.prompt_ids)
            read |= {one.prompt_ids, one.ids}

    @torch.inference_mode()
    def run(self, work: StepInput) -> SampledTokens:
        """Draw one token for each row."""
        for source, target, length in work.moves:
            self._kv[:, :, target, :, :length] = self._kv[:, :, source, :, :length]
        running = len(work.tokens)
        read = self.prefill(work.joining)
        longest = max([n + 1 for n in work.lengths] + [len(j.ids) + 1 for j in work.joining])
        self._reserve(running + len(read), longest)
        for slot, one in enumerate(read, running):
            self._kv[:, :, slot, :, : one.kv.shape[-2]] = one.kv
        logits = [self._step(work)] if running else []
        if read:
            logits.append(torch.stack([one.logits for one in read]))
        joined = torch.cat(logits).float()
        return self.sampler.draw(joined, work.noise_keys, work.signals, work.probing, work.changed)

    @torch.inference_mode()
    def score(self, sequences: Sequence[JoiningSequence], tokens: Sequence[int]) -> list[list[float]]:
        """Return P(token | sequence) at temperature 1 over the whole vocabulary, [sequences][tokens]."""
        read = self.prefill(sequences)
        probabilities = torch.stack([one.logits for one in read]).float().softmax(-1)
        out: list[list[float]] = probabilities[:, torch.tensor(list(tokens), device=probabilities.device)].tolist()
        return out

    @torch.inference_mode()
    def park(self, rows: Sequence[tuple[int, PrefixKey]]) -> None:
        """Cache what rows (slot, key) have read behind their prompts, before their slots are taken."""
        for slot, (start, ids) in rows:
            if start < len(ids) and self.parked.max_tokens:
                self.parked.put((start, ids), self._kv[:, :, slot, :, start : len(ids)].clone(), len(ids) - start)

    def clear(self) -> None:
        """Free the cache of the running rows, the prompts and the parked rows."""
        self.prompts.clear()
        self.parked.clear()
        self._kv = self.empty(0, 0)

    def _reserve(self, rows: int, length: int) -> None:
        """Make room; the cache grows in steps, so that a short run never pays for the longest context."""
        have_rows, have_length = self._kv.shape[2], self._kv.shape[4]
        if rows <= have_rows and length <= have_length:
            return
        grown = self.empty(max(rows, have_rows), have_length if length <= have_length else -(-length // 64) * 64)
        grown[:, :, :have_rows, :, :have_length] = self._kv
        self._kv = grown

    def _step(self, work: StepInput) -> Tensor:
        device = self.model.device
        lengths = torch.tensor(work.lengths, device=device)[:, None]
        width, rows = max(work.lengths) + 1, len(work.lengths)
        seen = torch.arange(width, device=device) <= lengths
        return self._forward(
            torch.tensor(work.tokens, device=device)[:, None],
            lengths,
            lengths,
            seen[:, None, None],
            self._kv[:, :, :rows],
        )[:, -1]

    def forward(self, ids: Tensor, columns: Tensor, kv: Tensor, width: int, *, keep: int = 1) -> Tensor:
        """Read new tokens of rows that are padded on the left.

        Args:
            ids: the tokens, [rows, new].
            columns: their columns in the cache, [rows, new]; ``width`` for padding.
            kv: the cache, [layers, 2, rows, heads, width + 1, dim].
            width: the columns of tokens.
            keep: the number of last tokens behind which to return logits; 0 returns all.

        Returns:
            The logits, [rows, keep or new, vocab].
        """
        positions = columns.masked_fill(columns == width, 0)
        seen = torch.arange(width + 1, device=columns.device) <= columns[..., None]
        return self._forward(ids, positions, columns, seen[:, None], kv, keep)

    def _forward(
        self, ids: Tensor, positions: Tensor, columns: Tensor, seen: Tensor, kv: Tensor, keep: int = 1
    ) -> Tensor:
        """Return the logits after the last tokens; ``seen`` [rows, 1, new, width] masks the attention."""
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=seen.device).masked_fill_(~seen, float("-inf"))
        out: Tensor = self.model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=KVCacheView(kv, columns, seen.shape[-1]),
            use_cache=True,
            logits_to_keep=keep,
        ).logits
        return out

    def prefill(self, joining: Sequence[JoiningSequence]) -> list[Prefilled]:
        """Read what is not cached: a prompt once for all its sequences, and only the last token of a parked one."""
        wanted = dict.fromkeys(ids for one in joining for ids in (one.prompt_ids, one.ids))
        found = {ids: read for ids in wanted if (read := self.prompts.get(ids)) is not None}
        new = [one for one in joining if one.ids not in found]
        prompts = self._read_all({one.prompt_ids: () for one in new if one.prompt_ids not in found})
        for ids, read in prompts.items():
            self.prompts.put(ids, read, len(ids))
        found |= prompts
        found |= self._read_all(
            {one.ids: self._pieces(one, found[one.prompt_ids]) for one in new if one.ids not in found}
        )
        return [found[one.ids] for one in joining]

    def _pieces(self, one: JoiningSequence, prompt: Prefilled) -> KVPieces:
        parked = self.parked.get(one.prefix_key)
        return (prompt.kv,) if parked is None else (prompt.kv, parked)

    def _read_all(self, bases: Mapping[Ids, KVPieces]) -> dict[Ids, Prefilled]:
        """Read each sequence behind its cached pieces, in passes of sequences of similar length."""
        found: dict[Ids, Prefilled] = {}
        waiting = sorted(bases.items(), key=lambda item: _unread(*item))
        while waiting:
            n = min(len(waiting), max(1, self.max_pass_tokens // _unread(*waiting[-1])))
            waiting, now = waiting[:-n], waiting[-n:]
            found |= self._read_pass(now)
        return found

    def _read_pass(self, items: Sequence[tuple[Ids, KVPieces]]) -> dict[Ids, Prefilled]:
        """Read sequences in one pass, padded on the left, so that every sequence ends in the last place."""
        device = self.model.device
        rows, width, new = len(items), max(len(ids) for ids, _ in items), max(_unread(*item) for item in items)
        kv = self.empty(rows, width + 1)  # the last column takes what padding writes, and no token reads it
        tokens = torch.zeros((rows, new), dtype=torch.long)
        columns = torch.full((rows, new), width)
        for row, (ids, base) in enumerate(items):
            unread = _unread(ids, base)
            tokens[row, new - unread :] = torch.tensor(ids[-unread:])
            columns[row, new - unread :] = torch.arange(len(ids) - unread, len(ids))
            if base:
                kv[:, :, row, :, : len(ids) - unread] = torch.cat(base, dim=-2)
        logits = self.forward(tokens.to(device), columns.to(device), kv, width)[:, -1]
        return {
            ids: Prefilled(kv[:, :, row, :, : len(ids)].clone(), logits[row].clone())
            for row, (ids, _) in enumerate(items)
        }


def _unread(ids: Ids, base: KVPieces) -> int:
    return len(ids) - sum(piece.shape[-2] for piece in base)
