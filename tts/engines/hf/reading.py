"""Given sequences in passes of the decoder: the signals of their tokens, as the pass that draws them collects them.

A prompt is read once for all its sequences of a pass. Long sequences are read in pieces, so that the logits of all
places are never in memory at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from tts.engines.hf.decoder import Decoder
from tts.engines.hf.sampler import MEASURES
from tts.engines.hf.step_input import JoiningSequence, Pieces
from tts.engines.text import Ids
from tts.types import Signals

MAX_LOGITS = 1 << 28
"""The most logits of one piece of a pass."""


@dataclass(slots=True)
class GivenSequence:
    """Tokens behind a prompt whose signals are read.

    Attributes:
        prompt_ids: the prompt's tokens, at least one.
        ids: the given tokens, at least one.
        probe: a token to read behind them, or None.
        ended: whether the last given token is an end-of-sequence token, whose place the probe takes.
        cached: tokens that are not read again.
    """

    prompt_ids: Ids
    ids: Ids
    probe: int | None = None
    ended: bool = False
    cached: int = 0

    @property
    def fed_ids(self) -> Ids:
        """The tokens behind the prompt that the model reads: all whose successor or probe is of interest."""
        if self.probe is None:
            return self.ids[:-1]
        return (*(self.ids[:-1] if self.ended else self.ids), self.probe)

    @property
    def size(self) -> int:
        """The number of tokens to read, the prompt's included."""
        return len(self.prompt_ids) + len(self.fed_ids)


@dataclass(slots=True)
class ReadColumns:
    """The signals of one sequence: by column, those of watched tokens one list a token; ``probe`` of the probed one."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    probe: float | None = None


def own_columns(read: ReadColumns, wanted: Signals, own: Signals) -> ReadColumns:
    """Return the part of the signals of a pass that one sequence was read for.

    Args:
        read: the signals of the sequence.
        wanted: the signals that the pass collected.
        own: those of the sequence.
    """
    if own == wanted:
        return read
    columns = {name: values for name, values in read.columns.items() if name not in MEASURES or getattr(own, name)}
    watched = columns.pop("watched", None)
    if watched is not None and own.watch:
        places = [wanted.watch.index(token) for token in own.watch]
        columns["watched"] = [[values[place] for place in places] for values in watched]
    return ReadColumns(columns, read.probe if own.probe is not None else None)


def mark_cached(decoder: Decoder, given: Sequence[GivenSequence]) -> None:
    """Set ``cached`` of each sequence, if they are read in this order."""
    seen: set[Ids] = set()
    for one in given:
        known = one.prompt_ids in seen or one.prompt_ids in decoder.prompts
        one.cached = len(one.prompt_ids) if known else 0
        seen.add(one.prompt_ids)


@torch.inference_mode()
def read_given(decoder: Decoder, given: Sequence[GivenSequence], wanted: Signals) -> list[ReadColumns]:
    """Return the signals of sequences at temperature 1, in their order."""
    uses = Counter(one.prompt_ids for one in given)
    shared = [i for i, one in enumerate(given) if uses[one.prompt_ids] > 1 or one.prompt_ids in decoder.prompts]
    prompts = decoder.prefill([JoiningSequence(given[i].prompt_ids, given[i].prompt_ids) for i in shared])
    read = dict(zip(shared, prompts, strict=True))
    found = [ReadColumns() for _ in given]
    if shared:
        first = torch.tensor([given[i].ids[0] for i in shared], device=decoder.model.device)
        heads = decoder.sampler.read(torch.stack([one.logits for one in prompts]), first, wanted)
        for name, values in heads.items():
            for i, value in zip(shared, values.tolist(), strict=True):
                found[i].columns[name] = [value]

    def unread(i: int) -> int:
        return given[i].size - len(given[i].prompt_ids) if i in read else given[i].size

    waiting = sorted((i for i in range(len(given)) if unread(i)), key=unread)
    while waiting:
        n = min(len(waiting), max(1, decoder.max_pass_tokens // unread(waiting[-1])))
        waiting, now = waiting[:-n], waiting[-n:]
        rows, bases = [given[i] for i in now], [(read[i].state,) if i in read else () for i in now]
        for i, columns in zip(now, _read_pass(decoder, rows, bases, wanted), strict=True):
            for name, more in columns.columns.items():
                found[i].columns.setdefault(name, []).extend(more)
            found[i].probe = columns.probe
    return found


def _read_pass(
    decoder: Decoder, given: Sequence[GivenSequence], prompts: Sequence[Pieces], wanted: Signals
) -> list[ReadColumns]:
    """Read sequences, padded on the left, and return the signals of their tokens.

    Args:
        decoder: runs the model.
        given: the sequences.
        prompts: the state of each prompt, whose first token is not measured then; an empty one reads the prompt too.
        wanted: the signals to report.
    """
    device, rows = decoder.model.device, len(given)
    fed = [one.fed_ids if prompt else one.prompt_ids + one.fed_ids for one, prompt in zip(given, prompts, strict=True)]
    new, width = max(map(len, fed)), max(one.size for one in given)
    states = decoder.begin(prompts, width)
    tokens, targets = (torch.zeros((rows, new), dtype=torch.long) for _ in range(2))
    columns = torch.full((rows, new), width)
    known = torch.zeros((rows, new), dtype=torch.bool)
    for row, (one, ids, prompt) in enumerate(zip(given, fed, prompts, strict=True)):
        start = len(one.prompt_ids) if prompt else 0
        tokens[row, new - len(ids) :] = torch.tensor(ids)
        columns[row, new - len(ids) :] = torch.arange(start, start + len(ids))
        following = one.ids[1:] if prompt else one.ids
        at = new - len(one.fed_ids) - (not prompt)
        targets[row, at : at + len(following)] = torch.tensor(following, dtype=torch.long)
        known[row, at : at + len(following)] = True
    step = max(1, MAX_LOGITS // (decoder.vocabulary * rows))
    read: dict[str, Tensor] = {}
    for left in range(0, new, step):
        piece = slice(left, left + step)
        logits = decoder.forward(tokens[:, piece].to(device), columns[:, piece].to(device), states, width, keep=0)
        here = known[:, piece]
        values = decoder.sampler.read(logits[here.to(device)], targets[:, piece][here].to(device), wanted)
        for name, value in values.items():
            whole = read.setdefault(name, torch.zeros((rows, new, *value.shape[1:])))
            whole[:, piece][here] = value.cpu()
    probed = [] if wanted.probe is None else logits[:, -1].float().log_softmax(-1)[:, wanted.probe].exp().tolist()
    lists = [{name: values[row][known[row]].tolist() for name, values in read.items()} for row in range(rows)]
    return [ReadColumns(columns, probed[row] if probed else None) for row, columns in enumerate(lists)]
