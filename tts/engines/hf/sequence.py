"""The state of each request in a batch: its input, the tokens drawn so far and their signals, and its slot.

Knows tokens, not text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tts.engines.base import Meter
from tts.engines.hf.sampler import SampledTokens
from tts.engines.sampling import Sampling
from tts.engines.text import Ids
from tts.types import Boundary, End, Signals, Trace


@dataclass(slots=True, eq=False)
class SequenceState:
    """The state of one running request, in tokens."""

    ids: Ids  # the model's input: the prompt's tokens and the prefix's
    prompt_ids: Ids  # the prompt's tokens
    limit: int  # the most tokens to draw
    until: Boundary
    signals: Signals
    meter: Meter
    noise_key: int  # of the draw, in [0, 2^63)
    send: Callable[[SequenceState, End | None], None] = field(repr=False)  # sends new tokens, or the end
    fail: Callable[[Exception], None] = field(repr=False)
    sampling: Sampling | None = None  # draws its tokens, where the engine's own does not
    stream: int = 0  # tokens per chunk; 0 sends one chunk at the end
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: dict[int, list[float]] = field(default_factory=dict)
    columns: dict[str, list[Any]] = field(default_factory=dict)  # of measured signals, by name
    steps: list[bool] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])  # running sums of the top-k confidences
    cached: int = 0  # its tokens in the cache, while it has a slot
    newest: int = 0  # the token to read next
    end: End | None = None  # the reason of its end, set before it is probed
    probing: bool = False  # whether ``newest`` is the token to probe
    probe: float | None = None
    closed: bool = False

    @property
    def entropy(self) -> Sequence[float]:
        """The entropy at each token, as far as it is measured."""
        return self.columns.get("entropy", ())

    @property
    def can_go_on(self) -> bool:
        """True if a draw may continue it, or a part of it, once it has ended."""
        return self.end is End.BOUNDARY or self.signals.alternatives > 0

    @property
    def context_ids(self) -> Ids:
        """The tokens that the cache holds before the next token is drawn, or before the probe is read.

        The probed token takes the place of an end-of-sequence token.
        """
        if self.end is None or self.signals.probe is None:
            return self.ids + tuple(self.tokens)
        drawn = self.tokens[:-1] if self.end is End.STOP else self.tokens
        return (*self.ids, *drawn, self.signals.probe)

    @property
    def prefix_key(self) -> tuple[int, Ids]:
        """The key of its tokens in the cache: the prompt's length, and all tokens but the newest."""
        return len(self.prompt_ids), self.ids + tuple(self.tokens[:-1])

    def append(self, drawn: SampledTokens, at: int, watch: Ids, is_step: Callable[[int], bool]) -> None:
        """Append token number ``at`` of those drawn, with the signals that the request collects."""
        token, signals = drawn.tokens[at], self.signals
        self.newest = token
        self.tokens.append(token)
        self.logprobs.append(drawn.logprobs[at])
        if drawn.watched is not None and signals.watch:
            for place, name in enumerate(watch):
                if name in self.watched:
                    self.watched[name].append(drawn.watched[at][place])
        for column, values in drawn.columns.items():
            if getattr(signals, column):
                value = values[at][: signals.alternatives] if column == "alternatives" else values[at]
                self.columns.setdefault(column, []).append(value)
                if column == "top":
                    self.sums.append(self.sums[-1] + values[at])
        if signals.steps:
            self.steps.append(is_step(token))

    def keep_endings(self, ends: Collection[int]) -> None:
        """Keep, where no token fits behind the newest one, only those of its alternatives that end a sample."""
        if self.signals.alternatives and len(self.tokens) == self.limit:
            found = self.columns["alternatives"]
            found[-1] = tuple(one for one in found[-1] if one[0] in ends)

    def trace(self, start: int) -> Trace:
        """Return the signals of the tokens from number ``start`` on, and the probe's if there is one."""
        watched = {token: tuple(values[start:]) for token, values in self.watched.items()}
        columns: dict[str, list[Any]] = {"logprobs": self.logprobs, "steps": self.steps, **self.columns}
        return Trace.collected(columns, start, watched=watched, probe=self.probe)


class Slots:
    """The running sequences by slot of the decoder's cache; those of a slot have the same tokens.

    Attributes:
        members: the sequences of each slot, [slots], at least one each between :meth:`settle` and the next step.
        forks: slots to copy, (from, to, length), since the last step.
        moves: slots to move, (from, to, length), since the last step, behind the forks.
    """

    def __init__(self, members: Sequence[list[SequenceState]] = ()) -> None:
        """Take the sequences of each slot."""
        self.members = [*members]
        self.forks: list[tuple[int, int, int]] = []
        self.moves: list[tuple[int, int, int]] = []

    def __len__(self) -> int:
        """Return the number of slots."""
        return len(self.members)

    @property
    def firsts(self) -> list[SequenceState]:
        """The first sequence of each slot."""
        return [rows[0] for rows in self.members]

    @property
    def seated(self) -> list[tuple[int, SequenceState]]:
        """The sequences with their slots, in the order of the slots."""
        return [(slot, row) for slot, rows in enumerate(self.members) for row in rows]

    @property
    def rows(self) -> list[SequenceState]:
        """The sequences, in the order of the slots."""
        return [row for rows in self.members for row in rows]

    def joined_by(self, joining: Mapping[SequenceState, Ids]) -> Slots:
        """Return these slots and new ones behind them for sequences that join: one for all with the same tokens."""
        together: dict[Ids, list[SequenceState]] = {}
        for row, ids in joining.items():
            together.setdefault(ids, []).append(row)
        return Slots([*self.members, *together.values()])

    def settle(self) -> None:
        """Part the sequences of a slot that have drawn different tokens, and free the slots without open sequences."""
        for slot, rows in enumerate([*self.members]):
            parts: dict[int, list[SequenceState]] = {}
            for row in rows:
                if not row.closed:
                    parts.setdefault(row.newest, []).append(row)
            self.members[slot], *others = parts.values() or [[]]
            for part in others:
                self.forks.append((slot, len(self.members), part[0].cached))
                self.members.append(part)
        for slot in range(len(self.members) - 1, -1, -1):
            if not self.members[slot]:
                last = self.members.pop()
                if slot < len(self.members):
                    self.members[slot] = last
                    self.moves.append((len(self.members), slot, last[0].cached))
