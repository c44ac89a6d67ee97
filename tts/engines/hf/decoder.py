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

from tts.engines.hf.prefix_cache import TokenLRU
from tts.engines.hf.sampler import Drawn, Sampler
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.errors import UnsupportedError
from tts.types import Signals

Begun = tuple[int, Ids]
"""A sequence that may go on: the length of its prompt, and its tokens, the prompt's included."""
Base = tuple[Tensor, ...]
"""Keys and values of the first tokens of a sequence, piece by piece, [layers, 2, heads, length, dim] each."""


@dataclass(slots=True)
class Prefilled:
    """A sequence that was read: its keys and values [layers, 2, heads, length, dim], and its next logits [vocab]."""

    kv: Tensor
    logits: Tensor


@dataclass(slots=True)
class Joining:
    """A sequence about to take a row; ``cached`` of its tokens need not be read again."""

    ids: Ids
    shared: Ids  # the part worth keeping for other rows: the prompt
    cached: int = 0

    @property
    def begun(self) -> Begun:
        """All but its last token: where that is parked, no more than the last one is left to be read."""
        return len(self.shared), self.ids[:-1]


@dataclass(slots=True)
class Work:
    """What to do in one pass: move rows, let rows join, draw one token for every row.

    Attributes:
        moves: (from, to, length), applied first and in this order.
        joining: sequences that take the slots after the ``tokens`` rows.
        tokens: the token each running row has just drawn, not in the cache yet.
        lengths: tokens of each running row that are in the cache.
        noise: a uniform number in [0, 1) a row, joining rows last.
        signals: what to report of each distribution.
        probing: rows whose newest token is ``signals.probe``, to report its probability there.
    """

    moves: list[tuple[int, int, int]] = field(default_factory=list)
    joining: list[Joining] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    signals: Signals = field(default_factory=Signals)
    probing: list[int] = field(default_factory=list)


class Cache:
    """What a Hugging Face model takes for its cache: writes at each row's own columns, reads the columns in use."""

    is_compileable = False

    def __init__(self, kv: Tensor, columns: Tensor, width: int) -> None:
        """Take [layers, 2, rows, heads, length, dim], the new tokens' columns [rows, new] and how many to read."""
        self._kv, self._columns, self._width = kv, columns, width
        self._rows = torch.arange(columns.shape[0], device=kv.device)[:, None]

    def update(self, key: Tensor, value: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the new tokens' keys and values, [rows, heads, new, dim], and return all columns in use."""
        keys, values = self._kv[layer, 0], self._kv[layer, 1]
        keys[self._rows, :, self._columns] = key.transpose(1, 2)
        values[self._rows, :, self._columns] = value.transpose(1, 2)
        return keys[:, :, : self._width], values[:, :, : self._width]

    def get_seq_length(self, *_: Any) -> int:
        """Columns in use; models ask only where they are given no positions."""
        return self._width


class Decoder:
    """Runs :class:`Work`, and keeps what it read of prompts and of parked rows for later draws.

    Attributes:
        prompts: prompts that were read, by their tokens.
        parked: keys and values of what rows had read behind their prompts, [layers, 2, heads, length, dim].
    """

    def __init__(
        self,
        model: Any,
        sampling: Sampling,
        *,
        suppressed: Ids = (),
        keep_tokens: int = 32_768,
        park_tokens: int = 32_768,
        pass_tokens: int = 4096,
    ) -> None:
        """Take a causal language model in evaluation mode.

        Args:
            model: a Hugging Face model on its device.
            sampling: how tokens are drawn.
            suppressed: ids of tokens that are never drawn.
            keep_tokens: the most tokens of read prompts to keep for later draws.
            park_tokens: the most tokens of parked rows to keep, prompts not counted; 0 parks none.
            pass_tokens: the most tokens to read in one pass.
        """
        self.model = model
        self.sampler = Sampler(sampling, suppressed, model.device)
        self.pass_tokens = pass_tokens
        self.prompts: TokenLRU[Prefilled] = TokenLRU(keep_tokens)
        self.parked: TokenLRU[Tensor] = TokenLRU(park_tokens)
        self.vocabulary: int = model.get_output_embeddings().weight.shape[0]
        config = model.config.get_text_config()
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self._shape = (config.num_hidden_layers, heads, dim)
        self._kv = self._empty(0, 0)

    def _empty(self, rows: int, length: int) -> Tensor:
        layers, heads, dim = self._shape
        return torch.zeros((layers, 2, rows, heads, length, dim), dtype=self.model.dtype, device=self.model.device)

    def plan(self, joining: Sequence[Joining]) -> None:
        """Say on each sequence how much of it has been read already, if they are read in this order."""
        read: set[Ids] = set()
        for one in joining:
            if one.ids in read or one.ids in self.prompts:
                one.cached = len(one.ids)
                continue
            one.cached = len(one.shared) if one.shared in read or one.shared in self.prompts else 0
            if one.begun in self.parked:
                one.cached += len(one.ids) - 1 - len(one.shared)
            read |= {one.shared, one.ids}

    @torch.inference_mode()
    def run(self, work: Work) -> Drawn:
        """Draw one token for every row."""
        for source, target, length in work.moves:
            self._kv[:, :, target, :, :length] = self._kv[:, :, source, :, :length]
        running = len(work.tokens)
        read = self._prefill(work.joining)
        longest = max([n + 1 for n in work.lengths] + [len(j.ids) + 1 for j in work.joining])
        self._reserve(running + len(read), longest)
        for slot, one in enumerate(read, running):
            self._kv[:, :, slot, :, : one.kv.shape[-2]] = one.kv
        logits = [self._step(work)] if running else []
        if read:
            logits.append(torch.stack([one.logits for one in read]))
        return self.sampler.draw(torch.cat(logits).float(), work.noise, work.signals, work.probing)

    @torch.inference_mode()
    def score(self, sequences: Sequence[Joining], tokens: Sequence[int]) -> list[list[float]]:
        """P(token | sequence) at temperature 1 among all tokens, suppressed ones too, [sequences][tokens]."""
        read = self._prefill(sequences)
        probabilities = torch.stack([one.logits for one in read]).float().softmax(-1)
        out: list[list[float]] = probabilities[:, torch.tensor(list(tokens), device=probabilities.device)].tolist()
        return out

    @torch.inference_mode()
    def park(self, rows: Sequence[tuple[int, Begun]]) -> None:
        """Keep what rows have read behind their prompts, (slot, what to keep), before their slots are taken."""
        for slot, (start, ids) in rows:
            if start < len(ids) and self.parked.bound:
                self.parked.put((start, ids), self._kv[:, :, slot, :, start : len(ids)].clone(), len(ids) - start)

    def forget(self) -> None:
        """Free the cache and everything that was kept."""
        self.prompts.clear()
        self.parked.clear()
        self._kv = self._empty(0, 0)

    def _reserve(self, rows: int, length: int) -> None:
        """Make room; it grows in steps, so that a short run never pays for the longest context."""
        have_rows, have_length = self._kv.shape[2], self._kv.shape[4]
        if rows <= have_rows and length <= have_length:
            return
        grown = self._empty(max(rows, have_rows), have_length if length <= have_length else -(-length // 64) * 64)
        grown[:, :, :have_rows, :, :have_length] = self._kv
        self._kv = grown

    def _step(self, work: Work) -> Tensor:
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
        )

    def _forward(self, ids: Tensor, positions: Tensor, columns: Tensor, seen: Tensor, kv: Tensor) -> Tensor:
        """Logits after the last token, [rows, vocab]; ``seen`` [rows, 1, new, width] is what each token attends to."""
        mask = torch.zeros(seen.shape, dtype=self.model.dtype, device=seen.device).masked_fill_(~seen, float("-inf"))
        out: Tensor = self.model(
            input_ids=ids,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=Cache(kv, columns, seen.shape[-1]),
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        return out

    def _prefill(self, joining: Sequence[Joining]) -> list[Prefilled]:
        """Read what was not read before: a prompt once for all, and of what is parked the last token only."""
        wanted = dict.fromkeys(ids for one in joining for ids in (one.shared, one.ids))
        found = {ids: read for ids in wanted if (read := self.prompts.get(ids)) is not None}
        new = [one for one in joining if one.ids not in found]
        prompts = self._read_all({one.shared: () for one in new if one.shared not in found})
        for ids, read in prompts.items():
            self.prompts.put(ids, read, len(ids))
        found |= prompts
        found |= self._read_all({one.ids: self._base(one, found[one.shared]) for one in new if one.ids not in found})
        return [found[one.ids] for one in joining]

    def _base(self, one: Joining, prompt: Prefilled) -> Base:
        parked = self.parked.get(one.begun)
        return (prompt.kv,) if parked is None else (prompt.kv, parked)

    def _read_all(self, bases: Mapping[Ids, Base]) -> dict[Ids, Prefilled]:
        """Read each sequence on top of its base, in passes of sequences of like length."""
        found: dict[Ids, Prefilled] = {}
        waiting = sorted(bases.items(), key=lambda item: _unread(*item))
        while waiting:
            n = min(len(waiting), max(1, self.pass_tokens // _unread(*waiting[-1])))
            waiting, now = waiting[:-n], waiting[-n:]
            found |= self._read_pass(now)
        return found

    def _read_pass(self, items: Sequence[tuple[Ids, Base]]) -> dict[Ids, Prefilled]:
        """One pass, padded on the left, so that every sequence ends in the last place."""
        device = self.model.device
        rows, width, new = len(items), max(len(ids) for ids, _ in items), max(_unread(*item) for item in items)
        kv = self._empty(rows, width + 1)  # the last column takes what padding writes, and no token reads it
        tokens = torch.zeros((rows, new), dtype=torch.long)
        columns = torch.full((rows, new), width)
        for row, (ids, base) in enumerate(items):
            unread = _unread(ids, base)
            tokens[row, new - unread :] = torch.tensor(ids[-unread:])
            columns[row, new - unread :] = torch.arange(len(ids) - unread, len(ids))
            if base:
                kv[:, :, row, :, : len(ids) - unread] = torch.cat(base, dim=-2)
        columns = columns.to(device)
        positions = columns.masked_fill(columns == width, 0)
        seen = torch.arange(width + 1, device=device) <= columns[..., None]
        logits = self._forward(tokens.to(device), positions, columns, seen[:, None], kv)
        return {
            ids: Prefilled(kv[:, :, row, :, : len(ids)].clone(), logits[row].clone())
            for row, (ids, _) in enumerate(items)
        }


def _unread(ids: Ids, base: Base) -> int:
    return len(ids) - sum(piece.shape[-2] for piece in base)


def check(model: Any) -> None:
    """See that a model works on this cache.

    Raises:
        UnsupportedError: its layers attend in ways that one key-value cache cannot hold, or it computes otherwise.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    name = f"model type {config.model_type}"
    if kinds != {"full_attention"}:
        raise UnsupportedError(
            f"{name} has layers of type {', '.join(sorted(kinds - {'full_attention'}))}, which the transformers engine "
            "does not run: it needs full attention in every layer; use the vllm or an OpenAI-compatible engine"
        )
    ids = tuple(i % model.get_output_embeddings().weight.shape[0] for i in (5, 7, 11, 13))
    decoder = Decoder(model, Sampling())
    try:
        with torch.inference_mode():
            plain = model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1].float()
            cached = decoder._prefill([Joining(ids, ids[:2])])[0].logits.float()
    except (TypeError, RuntimeError, IndexError) as error:
        raise UnsupportedError(f"{name} cannot run on the transformers engine's cache ({error})") from None
    loose = 1e-3 if model.dtype == torch.float32 else 0.1
    if not torch.allclose(plain, cached, atol=loose * float(plain.abs().max()), rtol=0):
        raise UnsupportedError(f"{name} computes something else on the transformers engine's cache: use another engine")
