"""The input of one pass of a decoder, and the states of sequences that it has read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.types import Signals

PrefixKey = tuple[int, Ids]
"""The key of a parked sequence: the length of its prompt, and its tokens, the prompt's included."""
Pieces = tuple[Any, ...]
"""The states of the first tokens of a sequence, in pieces: keys and values, [layers, 2, heads, length, dim] each."""


@dataclass(slots=True)
class Prefilled:
    """A sequence that was read: keys and values, [layers, 2, heads, length, dim], and the next logits, [vocab]."""

    state: Any
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
    """The input of one pass: one token to draw for each row.

    Rows that have the same tokens so far share a slot of the cache, and the model computes a slot once.

    Attributes:
        forks: slots to copy behind the others, (from, to, length), applied first and in this order.
        moves: slots to move, (from, to, length), applied next and in this order.
        joining: sequences that take the slots after the ``tokens`` slots.
        tokens: the token that the rows of each running slot have just drawn, not in the cache yet.
        lengths: tokens of each running slot that are in the cache.
        noise_keys: the key of each row's draw and the position of its next token.
        sources: the slot of each row, in no falling order; empty where row i has slot i.
        changed: the sampling parameters of rows that are not drawn with the decoder's own.
        signals: the signals to report of each distribution.
        probing: rows whose newest token is ``signals.probe``; its probability there is reported.
    """

    forks: list[tuple[int, int, int]] = field(default_factory=list)
    moves: list[tuple[int, int, int]] = field(default_factory=list)
    joining: list[JoiningSequence] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    noise_keys: list[tuple[int, int]] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)
    changed: dict[int, Sampling] = field(default_factory=dict)
    signals: Signals = field(default_factory=Signals)
    probing: list[int] = field(default_factory=list)
