"""A decoder on transformers' own caches, one for each row: slower, for models with other layers than full attention.

Sliding windows, linear attention and other recurrent layers keep states that only the library's cache of that model
knows. Rows are stepped one after another; prompts and parked rows are whole copies of such caches.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from tts.engines.hf.decoder import Decoder
from tts.engines.hf.step_input import JoiningSequence, Pieces, Prefilled
from tts.engines.text import Ids


@dataclass(slots=True)
class LibraryState:
    """The library's cache of one sequence, and the tokens that it holds; no cache before the first token."""

    cache: Any = None
    length: int = 0


class LibraryDecoder(Decoder):
    """Steps each row by itself."""

    cuts: ClassVar[bool] = False

    def _forget(self) -> None:
        self._rows: list[LibraryState] = []

    def _fork(self, source: int, target: int, length: int) -> None:
        self._rows[target:] = [copy.deepcopy(self._rows[source])]

    def _move(self, source: int, target: int, length: int) -> None:
        self._rows[target] = self._rows[source]

    def _park(self, slot: int, start: int, ids: Ids) -> None:
        state = self._rows[slot]
        if state.length == len(ids):  # it cannot be cut
            self.parked.put((start, ids), copy.deepcopy(state), len(ids))

    def _seat(self, running: int, states: Sequence[LibraryState], longest: int) -> None:
        self._rows[running:] = [copy.deepcopy(state) for state in states]

    def _step(self, tokens: list[int], rows: list[int]) -> Tensor:
        seats = zip(self._rows, tokens, strict=False)  # those that were read whole are behind them
        return torch.cat([self._feed(state, [token], keep=1)[:, -1] for state, token in seats])

    def _pieces(self, one: JoiningSequence, prompt: Prefilled) -> Pieces:
        parked = self.parked.get(one.prefix_key)
        return (prompt.state if parked is None else parked,)

    def _whole(self, base: Pieces) -> LibraryState:
        state: LibraryState = base[-1]
        return state

    def _known(self, base: Pieces) -> int:
        return base[-1].length if base else 0

    def begin(self, bases: Sequence[Pieces], width: int) -> list[LibraryState]:
        """Return a state of its own for each row."""
        return [copy.deepcopy(base[-1]) if base else LibraryState() for base in bases]

    def forward(self, ids: Tensor, columns: Tensor, states: Any, width: int, *, keep: int = 1) -> Tensor:
        """Read new tokens of rows that are padded on the left, row by row; see :meth:`Decoder.forward`."""
        kept = keep or ids.shape[1]
        out = torch.zeros((len(states), kept, self.vocabulary), dtype=self.model.dtype, device=ids.device)
        for row, state in enumerate(states):
            new = ids[row][columns[row] != width]
            if len(new):
                logits = self._feed(state, new.tolist(), keep=keep)[0]
                out[row, kept - len(logits) :] = logits
        return out

    def _read_pass(self, items: Sequence[tuple[Ids, Pieces]]) -> dict[Ids, Prefilled]:
        found: dict[Ids, Prefilled] = {}
        for (ids, base), state in zip(items, self.begin([base for _, base in items], 0), strict=True):
            logits = self._feed(state, ids[-self._unread(ids, base) :], keep=1)
            found[ids] = Prefilled(state, logits[0, -1].clone())
        return found

    def _feed(self, state: LibraryState, ids: Sequence[int], *, keep: int) -> Tensor:
        """Read tokens behind a state, which advances; return their logits, [1, kept, vocab]."""
        made = self.model(
            input_ids=torch.tensor([list(ids)], device=self.model.device),
            past_key_values=state.cache,
            use_cache=True,
            logits_to_keep=keep,
        )
        state.cache, state.length = made.past_key_values, state.length + len(ids)
        logits: Tensor = made.logits
        return logits
