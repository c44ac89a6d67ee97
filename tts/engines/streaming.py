"""A sample while somebody else draws it: its tokens as they come in, what is told of each, and where it ends.

For engines that stream from a server, which know a token by its id or, where that is not told, by its text.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tts.engines.ending import ending
from tts.types import Boundary, End, Signals, Trace

Name = TypeVar("Name", int, str)


def requested_ids(signals: Signals, suppressed: Sequence[int]) -> tuple[int, ...]:
    """The ids of the tokens whose probabilities have to be told beside that of each drawn token.

    A drawn token's own probability is one among the tokens that can be drawn, so those that never are go with it.
    """
    return tuple(dict.fromkeys((*signals.watch, *(suppressed if signals.watch or signals.logprobs else ()))))


@dataclass(slots=True)
class StreamedSample(Generic[Name]):
    """What has come in of a sample.

    Attributes:
        until: where it is to end.
        signals: what is to be told of each token.
        ends: names of the tokens that end a sample, where they are known.
        limit: the most tokens it may have.
        is_step: whether a token ends a line.
        suppressed: ids of tokens that are never drawn; each token comes with their log-probabilities.
        tokens: names of its tokens.
        probe: what was probed after it.
    """

    until: Boundary
    signals: Signals
    ends: Collection[Name]
    limit: int
    is_step: Callable[[Any], bool]
    suppressed: tuple[int, ...] = ()
    tokens: list[Name] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: dict[int, list[float]] = field(default_factory=dict)
    top: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])  # running sums of ``top``
    steps: list[bool] = field(default_factory=list)
    probe: float | None = None

    def take(self, said: Iterable[tuple[Name, Mapping[Any, float]]]) -> End | None:
        """Note new tokens up to the one that ends it, if one does, and say why it ends there.

        Args:
            said: each token, and the log-probabilities of some tokens at its place, its own among them, in the softmax
                over the whole vocabulary at temperature 1; none of any where no signal needs them.
        """
        for token, logprobs in said:
            self._note(token, logprobs)
            if (end := ending(self, self.ends, self.is_step)) is not None:
                return end
        return None

    def _note(self, token: Name, said: Mapping[Any, float]) -> None:
        self.tokens.append(token)
        if said:
            never = sum(math.exp(said[one]) for one in self.suppressed)
            self.logprobs.append(min(0.0, said[token] - math.log1p(-min(never, 1 - 1e-12))))
        for one in self.signals.watch:
            self.watched.setdefault(one, []).append(math.exp(said[one]))
        if (k := self.signals.top) > 0:
            self.top.append(-sum(heapq.nlargest(k, said.values())) / k)
            self.sums.append(self.sums[-1] + self.top[-1])
        if self.signals.steps:
            self.steps.append(self.is_step(token))

    @property
    def entropy(self) -> Sequence[float]:
        """No such engine tells it."""
        return ()

    def said(self, end: End | None) -> list[Name]:
        """Its tokens without the one that ended it, where one did."""
        return self.tokens[:-1] if end is End.STOP else self.tokens

    @property
    def trace(self) -> Trace:
        """What was told of all its tokens."""
        return Trace(
            logprobs=tuple(self.logprobs),
            watched={token: tuple(self.watched.get(token, ())) for token in self.signals.watch},
            top=tuple(self.top),
            steps=tuple(self.steps),
            probe=self.probe,
        )
