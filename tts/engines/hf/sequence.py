"""One request of a batch, in tokens: what it reads, what it has drawn so far and what was noted of that.

Knows tokens, not text, and nothing of the other rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from tts.engines.base import Meter
from tts.engines.hf.sampler import Drawn
from tts.engines.text import Ids
from tts.types import Boundary, End, Signals, Trace

NOISE = 64
"""Uniform numbers made at a time."""


@dataclass(slots=True, eq=False)
class Row:
    """One running request, in tokens."""

    ids: Ids  # what the model reads: the prompt, and the prefix's tokens
    shared: Ids  # the prompt alone
    limit: int  # the most tokens it may draw
    until: Boundary
    signals: Signals
    meter: Meter
    noise: Iterator[float]
    send: Callable[[Row, End | None], None]  # called when there is something to hand over
    fail: Callable[[Exception], None]
    stream: int = 0  # tokens a chunk, 0 for one chunk at the end
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: dict[int, list[float]] = field(default_factory=dict)
    top: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    certainty: list[float] = field(default_factory=list)
    steps: list[bool] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])  # running sums of ``top``
    cached: int = 0  # tokens of it in the cache, while it has a slot
    newest: int = 0  # the token to read next
    end: End | None = None  # why it has ended, while it waits to be probed
    probing: bool = False  # whether ``newest`` is the token to probe
    probe: float | None = None
    closed: bool = False

    @property
    def read(self) -> Ids:
        """All that is to be in the cache before its next token, or before it has been probed.

        The probed token takes the place of an end-of-sequence token.
        """
        if self.end is None or self.signals.probe is None:
            return self.ids + tuple(self.tokens)
        said = self.tokens[:-1] if self.end is End.STOP else self.tokens
        return (*self.ids, *said, self.signals.probe)

    @property
    def begun(self) -> tuple[int, Ids]:
        """The prompt's length, and all that is surely in its cache once it has drawn: every token but the newest."""
        return len(self.shared), self.ids + tuple(self.tokens[:-1])

    def take(self, drawn: Drawn, at: int, watch: Ids, is_step: Callable[[int], bool]) -> None:
        """Note its next token, number ``at`` of those drawn, and what it wants to know of it."""
        token, signals = drawn.tokens[at], self.signals
        self.newest = token
        self.tokens.append(token)
        self.logprobs.append(drawn.logprobs[at])
        if drawn.watched is not None and signals.watch:
            for place, name in enumerate(watch):
                if name in self.watched:
                    self.watched[name].append(drawn.watched[at][place])
        if drawn.top is not None and signals.top:
            self.top.append(drawn.top[at])
            self.sums.append(self.sums[-1] + drawn.top[at])
        if drawn.entropy is not None and signals.entropy:
            self.entropy.append(drawn.entropy[at])
        if drawn.certainty is not None and signals.certainty:
            self.certainty.append(drawn.certainty[at])
        if signals.steps:
            self.steps.append(is_step(token))

    def trace(self, start: int) -> Trace:
        """The signals of its tokens from number ``start`` on, and the probe's once there is one."""
        return Trace(
            logprobs=tuple(self.logprobs[start:]),
            watched={token: tuple(values[start:]) for token, values in self.watched.items()},
            top=tuple(self.top[start:]),
            entropy=tuple(self.entropy[start:]),
            certainty=tuple(self.certainty[start:]),
            steps=tuple(self.steps[start:]),
            probe=self.probe,
        )


def noise(key: str) -> Iterator[float]:
    """Uniform numbers in [0, 1), the same for the same key."""
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
    while True:
        yield from rng.random(NOISE, dtype=np.float32).tolist()
