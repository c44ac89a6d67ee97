"""Hidden states of texts behind their prompts, read once from a frozen model, in batches.

A causal model with full attention reads a prompt once for all its texts; any other model reads each text with its
prompt in a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tts.errors import InputError
from tts.models.packed import forward, pack_trees
from tts.models.token_tree import TokenTree

Ids = tuple[int, ...]
Item = tuple[Ids, Ids]
"""The tokens of a prompt and of a text behind it; the text may be empty, and the prompt of a model that shares none."""
Floats = NDArray[np.float64]

PASS_TOKENS = 8192
"""The most tokens of one pass, padding included; a single row may be longer."""
ROW_TEXTS = 8
"""The most texts that share a row: a place is compared with every other one of its row."""


@dataclass(frozen=True, slots=True)
class States:
    """The pooled states of texts.

    Attributes:
        mean: over the tokens of each text, [texts, width]; of an empty text the prompt's last.
        last: at the last token of each text, [texts, width]; of an empty text the prompt's last.
    """

    mean: Floats
    last: Floats

    def pooled(self, pooling: str) -> Floats:
        """Return the states of a pooling, "mean" or "last"."""
        return self.mean if pooling == "mean" else self.last


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and the texts that are read behind it in one row.

    Attributes:
        prompt: tokens of the prompt.
        texts: tokens of each text.
        length: number of tokens that are read: what texts share with each other counts once.
    """

    prompt: Ids
    texts: tuple[Ids, ...]
    length: int

    @classmethod
    def of(cls, prompt: Ids, texts: Sequence[Ids]) -> Row:
        """Return the row of a prompt and of at least one text."""
        if len(texts) == 1:
            return cls(prompt, tuple(texts), len(prompt) + len(texts[0]))
        tree = TokenTree(prompt)
        for text in texts:
            tree.add(text)
        return cls(prompt, tuple(texts), len(tree.ids))


def plan_rows(items: Sequence[Item], *, shared: bool) -> list[Row]:
    """Return the rows that read each distinct item once, shortest first.

    Args:
        items: prompts and texts.
        shared: whether texts of one prompt share a row.
    """
    rows: list[Row] = []
    texts: dict[Ids, dict[Ids, None]] = {}
    for prompt, text in items:
        texts.setdefault(prompt, {})[text] = None
    for prompt, distinct in texts.items():
        part: list[Ids] = []
        tokens = len(prompt)
        for text in sorted(distinct, key=len):
            if part and (not shared or len(part) == ROW_TEXTS or tokens + len(text) > PASS_TOKENS):
                rows.append(Row.of(prompt, part))
                part, tokens = [], len(prompt)
            part.append(text)
            tokens += len(text)
        rows.append(Row.of(prompt, part))
    return sorted(rows, key=lambda row: row.length)


class StateReader:
    """Reads pooled hidden states of a frozen model.

    Attributes:
        model: in evaluation mode, without a language head.
        layer: the layer whose states are read: -1 is the last, after the final norm; 0 the embeddings.
        shared: whether texts of one prompt share a row.
    """

    def __init__(self, model: Any, *, layer: int = -1, shared: bool = True) -> None:
        """Take a model.

        Raises:
            InputError: the model has no such layer.
        """
        count = int(model.config.get_text_config().num_hidden_layers)
        if not -count - 1 <= layer <= count:
            raise InputError(f"recipe.layer must be in [{-count - 1}, {count}] for this model, got {layer}")
        self.model, self.layer, self.shared = model, layer, shared

    @property
    def context(self) -> int | None:
        """The most tokens that the model reads; None where its configuration does not say."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    @property
    def width(self) -> int:
        """The width of a hidden state."""
        return int(self.model.config.get_text_config().hidden_size)

    def rows(self, items: Sequence[Item]) -> list[Row]:
        """Return the rows that :meth:`read` reads for these items."""
        return plan_rows(items, shared=self.shared)

    def read(self, items: Sequence[Item], advance: Callable[[int], None] = lambda tokens: None) -> States:
        """Return the states of texts behind their prompts; equal items are read once.

        Args:
            items: prompts and texts, each with at least one token in both together.
            advance: receives the tokens of each pass.
        """
        found: dict[Item, tuple[Floats, Floats]] = {}
        for batch in _passes(self.rows(items)):
            found.update(self._read_pass(batch))
            advance(sum(row.length for row in batch))
        mean, last = np.empty((len(items), self.width)), np.empty((len(items), self.width))
        for i, (prompt, text) in enumerate(items):
            mean[i], last[i] = found[prompt, text]
        return States(mean, last)

    @torch.inference_mode()
    def _read_pass(self, batch: Sequence[Row]) -> dict[Item, tuple[Floats, Floats]]:
        every = [(row.prompt, text) for row in batch for text in row.texts]
        device = next(self.model.parameters()).device
        more = {} if self.layer == -1 else {"output_hidden_states": True}
        if self.shared:
            states = self._read_trees(batch, device, more)
            lengths = torch.tensor([len(text) for _, text in every], device=device)
        else:
            states = self._states(self._forward_alone(every, device, more))
            # one place before the text, as in a packed row; of a text without a prompt the first place stands twice
            first = torch.tensor([max(len(prompt) - 1, 0) for prompt, _ in every], device=device)
            lengths = torch.tensor([len(text) for _, text in every], device=device)
            alone = torch.tensor([not prompt for prompt, _ in every], device=device)
            places = torch.arange(int(lengths.max()) + 1, device=device)[None, :]
            places = (places - alone[:, None].long()).clamp(min=0) + first[:, None]
            states = states.gather(1, places.clamp(max=states.shape[1] - 1)[..., None].expand(-1, -1, states.shape[2]))
        states = states.float()
        last = states[torch.arange(len(every), device=device), lengths]
        places = torch.arange(states.shape[1], device=device)[None, :]
        inside = ((places > 0) & (places <= lengths[:, None])).float()
        mean = (states * inside[..., None]).sum(1) / lengths.clamp(min=1)[:, None]
        mean = torch.where(lengths[:, None] > 0, mean, last)
        both = zip(mean.double().cpu().numpy(), last.double().cpu().numpy(), strict=True)
        return dict(zip(every, both, strict=True))

    def _read_trees(self, batch: Sequence[Row], device: Any, more: dict[str, Any]) -> Any:
        """Return the states of each text and of the place before it, [texts, longest + 1, width]."""
        trees = [TokenTree(row.prompt) for row in batch]
        places = [tree.add(text) for tree, row in zip(trees, batch, strict=True) for text in row.texts]
        packed = pack_trees(trees).to(device)
        rows = [number for number, row in enumerate(batch) for _ in row.texts]
        source = torch.zeros((len(places), max(map(len, places))), dtype=torch.long)
        for number, (row, some) in enumerate(zip(rows, places, strict=True)):
            source[number, : len(some)] = torch.tensor(some) + row * packed.ids.shape[1]
        return self._states(forward(self.model, packed, **more)).flatten(0, 1)[source.to(device)]

    def _states(self, output: Any) -> Any:
        return output.last_hidden_state if self.layer == -1 else output.hidden_states[self.layer]

    def _forward_alone(self, every: Sequence[Item], device: Any, more: dict[str, Any]) -> Any:
        rows = [(*prompt, *text) for prompt, text in every]
        width = max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
        return self.model(input_ids=ids, attention_mask=mask, **more)


def _passes(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows in passes of at most ``PASS_TOKENS`` tokens with their padding; rows are sorted by length."""
    found: list[list[Row]] = []
    for row in rows:
        if found and row.length * (len(found[-1]) + 1) <= PASS_TOKENS:
            found[-1].append(row)
        else:
            found.append([row])
    return found
