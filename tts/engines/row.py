"""One request of a batch, in tokens: what it reads, what it has drawn so far and what was noted of that.

Knows tokens, not text, and nothing of the other rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from tts.engines.base import Meter
from tts.engines.drawing import Ids
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

    def ending(self, token: int, ends: Collection[int], is_step: Callable[[int], bool]) -> End | None:
        """Why it ends with this token, the last of ``tokens``, or None where it goes on.

        Args:
            token: what was drawn.
            ends: ids of the tokens that end a sample.
            is_step: whether a token ends a step.
        """
        if token in ends:
            return End.STOP
        kind, value = self.until.kind, self.until.value
        n = len(self.tokens)
        if kind != "end":
            if kind == "step":
                here = is_step(token)
            elif kind == "tokens":
                here = n >= value
            elif kind == "confidence_below":
                here = self.watched[self.signals.watch[0]][-1] < value
            elif kind == "step_below":
                here = self.watched[self.signals.watch[0]][-1] < value and is_step(token)
            else:
                window = self.until.window
                here = n >= window and (self.sums[-1] - self.sums[-1 - window]) / window < value
            if here:
                return End.BOUNDARY
        return End.LENGTH if n >= self.limit else None

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
