"""One causal language model and its key-value cache: sequences of tokens in, the next token of each out.

Knows nothing about requests, event loops or text. Rows of the cache are slots 0 to n - 1, kept dense by moving the last
one into a freed slot, so that a step reads a view of the cache and copies nothing. Draws with the same tokens so far
have one slot, which is copied where they part. Everything here runs in one thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from tts.engines.hf.caches import KVCacheView, TokenLRU
from tts.engines.hf.sampler import SampledTokens, Sampler
from tts.engines.hf.step_input import JoiningSequence, Pieces, Prefilled, PrefixKey, StepInput
from tts.engines.sampling import Sampling
from tts.engines.text import Ids


class Decoder:
    """Runs the model on a :class:`StepInput`; caches prompts and parked rows for later draws.

    Attributes:
        cuts: whether a parked row serves every part of it that begins at its prompt, too.
        prompts: the cached prompts, by their tokens.
        parked: the keys and values that rows had behind their prompts, [layers, 2, heads, length, dim].
    """

    cuts: ClassVar[bool] = True

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
        self.parked: TokenLRU[Any] = TokenLRU(parked_cache_tokens)
        self.vocabulary: int = model.get_output_embeddings().weight.shape[0]
        self._forget()

    def _forget(self) -> None:
        """Free the running rows."""
        self._kv = self._empty(0, 0)

    def _empty(self, rows: int, length: int) -> Tensor:
        """Return an empty cache, [layers, 2, rows, heads, length, dim]."""
        config = self.model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (config.num_hidden_layers, 2, rows, heads, length, dim)
        return torch.zeros(shape, dtype=self.model.dtype, device=self.model.device)

    def mark_cached(self, joining: Sequence[JoiningSequence]) -> None:
        """Set ``cached`` of each sequence, if they are read in this order."""
        read: set[Ids] = set()
        for one in joining:
            if one.ids in read or one.ids in self.prompts:
                one.cached = len(one.ids)
                continue
            one.cached = len(one.prompt_ids) if one.prompt_ids in read or one.prompt_ids in self.prompts else 0
            if self._parked_key(one.prefix_key) is not None:
                one.cached += len(one.ids) - 1 - len(one.prompt_ids)
            read |= {one.prompt_ids, one.ids}

    @torch.inference_mode()
    def run(self, work: StepInput) -> SampledTokens:
        """Draw one token for each row."""
        for source, target, length in work.forks:
            self._fork(source, target, length)
        for source, target, length in work.moves:
            self._move(source, target, length)
        ready = self._ready(work.joining)
        tokens = work.tokens + [one.ids[-1] for one in work.joining[: len(ready)]]
        lengths = work.lengths + [one.size - 1 for one in work.joining[: len(ready)]]
        read = self.prefill(work.joining[len(ready) :])
        longest = max([n + 1 for n in lengths] + [one.size + 1 for one in work.joining])
        self._seat(len(work.tokens), ready + [one.state for one in read], longest)
        logits = [self._step(tokens, lengths)] if tokens else []
        if read:
            logits.append(torch.stack([one.logits for one in read]))
        return self.sampler.draw(
            torch.cat(logits), work.noise_keys, work.signals, work.probing, work.changed, work.sources
        )

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
                self._park(slot, start, ids)

    def clear(self) -> None:
        """Free the cache of the running rows, the prompts and the parked rows."""
        self.prompts.clear()
        self.parked.clear()
        self._forget()

    def _fork(self, source: int, target: int, length: int) -> None:
        """Copy a slot of this many tokens to a new one."""
        self._reserve(target + 1, 0)
        self._move(source, target, length)

    def _move(self, source: int, target: int, length: int) -> None:
        """Move a slot of this many tokens to another one."""
        self._kv[:, :, target, :, :length] = self._kv[:, :, source, :, :length]

    def _park(self, slot: int, start: int, ids: Ids) -> None:
        """Cache what a row has read of these tokens, behind the first ``start``."""
        self.parked.put((start, ids), self._kv[:, :, slot, :, start : len(ids)].clone(), len(ids) - start)

    def _ready(self, joining: Sequence[JoiningSequence]) -> list[Any]:
        """Return the states of the first sequences that lack their last token alone, which the next step can read."""
        states: list[Any] = []
        for one in joining:
            prompt = self.prompts.get(one.prompt_ids)
            if prompt is None or one.ids in self.prompts:
                break
            pieces = self._pieces(one, prompt)
            if self._unread(one.ids, pieces) != 1:
                break
            states.append(self._whole(pieces))
        return states

    def _seat(self, running: int, states: Sequence[Any], longest: int) -> None:
        """Put states into the slots after the running ones; ``longest`` is the tokens of the longest row."""
        self._reserve(running + len(states), longest)
        for slot, state in enumerate(states, running):
            self._kv[:, :, slot, :, : state.shape[-2]] = state

    def _reserve(self, slots: int, longest: int) -> None:
        """Grow the cache, where it is too small, in steps: a short run never pays for the longest context."""
        have, have_length = self._kv.shape[2], self._kv.shape[4]
        if slots > have or longest > have_length:
            length = have_length if longest <= have_length else -(-longest // 64) * 64
            grown = self._empty(have if slots <= have else -(-slots // 8) * 8, length)
            grown[:, :, :have, :, :have_length] = self._kv
            self._kv = grown

    def _step(self, tokens: list[int], rows: list[int]) -> Tensor:
        """Read the next token of each slot, which has ``rows`` tokens so far; return the logits, [slots, vocab]."""
        device = self.model.device
        lengths = torch.tensor(rows, device=device)[:, None]
        width = max(rows) + 1
        seen = torch.arange(width, device=device) <= lengths
        return self._forward(
            torch.tensor(tokens, device=device)[:, None],
            lengths,
            lengths,
            seen[:, None, None],
            self._kv[:, :, : len(rows)],
        )[:, -1]

    def begin(self, bases: Sequence[Pieces], width: int) -> Any:
        """Return the states of rows to read, [layers, 2, rows, heads, width + 1, dim].

        The last column takes what padding writes, and no token reads it.

        Args:
            bases: the states of the first tokens of each row, in pieces.
            width: the most tokens of a row.
        """
        kv = self._empty(len(bases), width + 1)
        for row, base in enumerate(bases):
            if base:
                kv[:, :, row, :, : self._known(base)] = torch.cat(base, dim=-2)
        return kv

    def forward(self, ids: Tensor, columns: Tensor, states: Any, width: int, *, keep: int = 1) -> Tensor:
        """Read new tokens of rows that are padded on the left.

        Args:
            ids: the tokens, [rows, new].
            columns: their columns in the cache, [rows, new]; ``width`` for padding.
            states: what :meth:`begin` returned; they advance.
            width: the columns of tokens.
            keep: the number of last tokens behind which to return logits; 0 returns all.

        Returns:
            The logits, [rows, keep or new, vocab].
        """
        positions = columns.masked_fill(columns == width, 0)
        seen = torch.arange(width + 1, device=columns.device) <= columns[..., None]
        return self._forward(ids, positions, columns, seen[:, None], states, keep)

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

    def _pieces(self, one: JoiningSequence, prompt: Prefilled) -> Pieces:
        key = self._parked_key(one.prefix_key)
        parked = None if key is None else self.parked.get(key)
        return (
            (prompt.state,) if parked is None else (prompt.state, parked[..., : one.size - 1 - len(one.prompt_ids), :])
        )

    def _parked_key(self, key: PrefixKey) -> PrefixKey | None:
        """Return the key of a parked row that begins with the tokens of this key, or None."""
        start, ids = key
        if start >= len(ids) or key in self.parked or not self.cuts:
            return key if key in self.parked else None
        n = len(ids)
        longer = (row for row in self.parked if row[0] == start and len(row[1]) > n and row[1][n - 1] == ids[-1])
        return next((row for row in longer if row[1][:n] == ids), None)

    def _whole(self, base: Pieces) -> Any:
        """Return a state in pieces as one."""
        return torch.cat(base, dim=-2)

    def _known(self, base: Pieces) -> int:
        """Return the tokens of a state in pieces."""
        return sum(piece.shape[-2] for piece in base)

    def _unread(self, ids: Ids, base: Pieces) -> int:
        return len(ids) - self._known(base)

    def _read_all(self, bases: Mapping[Ids, Pieces]) -> dict[Ids, Prefilled]:
        """Read each sequence behind its cached pieces, in passes of sequences of similar length."""
        found: dict[Ids, Prefilled] = {}
        waiting = sorted(bases.items(), key=lambda item: self._unread(*item))
        while waiting:
            n = min(len(waiting), max(1, self.max_pass_tokens // self._unread(*waiting[-1])))
            waiting, now = waiting[:-n], waiting[-n:]
            found |= self._read_pass(now)
        return found

    def _read_pass(self, items: Sequence[tuple[Ids, Pieces]]) -> dict[Ids, Prefilled]:
        """Read sequences in one pass, padded on the left, so that every sequence ends in the last place."""
        device = self.model.device
        rows, width, new = len(items), max(len(ids) for ids, _ in items), max(self._unread(*item) for item in items)
        kv = self.begin([base for _, base in items], width)
        tokens = torch.zeros((rows, new), dtype=torch.long)
        columns = torch.full((rows, new), width)
        for row, (ids, base) in enumerate(items):
            unread = self._unread(ids, base)
            tokens[row, new - unread :] = torch.tensor(ids[-unread:])
            columns[row, new - unread :] = torch.arange(len(ids) - unread, len(ids))
        logits = self.forward(tokens.to(device), columns.to(device), kv, width)[:, -1]
        return {
            ids: Prefilled(kv[:, :, row, :, : len(ids)].clone(), logits[row].clone())
            for row, (ids, _) in enumerate(items)
        }
