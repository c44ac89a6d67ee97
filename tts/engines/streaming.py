"""A sample that streams in from a server: its tokens, their signals, and the place where it ends.

A token is known by its id or, if the server returns no ids, by its text.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from tts.engines.base import Request
from tts.engines.ending import find_end
from tts.engines.exact import Exact
from tts.types import Alternative, Boundary, End, Signals, Trace

Name = TypeVar("Name", int, str)


def requested_ids(signals: Signals, suppressed: Sequence[int]) -> tuple[int, ...]:
    """Return the ids of the tokens whose log-probabilities must come with each drawn token.

    The suppressed tokens are among them if a drawn token's log-probability is needed: it is the one among the tokens
    that can be drawn.
    """
    needed = signals.watch or signals.logprobs or signals.processed
    return tuple(dict.fromkeys((*signals.watch, *(suppressed if needed else ()))))


def with_alternatives(request: Request, most: int, notify: Callable[[str], None], *, vocabulary: int = 0) -> Request:
    """Return a request for as many alternatives as an engine returns, and say where these are fewer than it asks for.

    Args:
        request: the request.
        most: the most alternatives at a position, >= 0.
        notify: receives the sentence.
        vocabulary: the tokens of the model, none of which is missing among as many alternatives; 0 where it is unknown.
    """
    asked = request.signals.alternatives
    asked = min(asked, vocabulary or asked)
    if asked > most:
        notify(
            f"{most} of the {asked} most probable tokens that are asked for at each position come back: texts that "
            "begin with others stay unseen"
        )
    asked = min(asked, most)
    if asked == request.signals.alternatives:
        return request
    return replace(request, signals=replace(request.signals, alternatives=asked))


@dataclass(slots=True)
class StreamedSample(Generic[Name]):
    """The part of a sample that has come in.

    Attributes:
        until: the boundary at which it ends.
        signals: the signals of each token.
        ends: the tokens that end a sample; empty if they are not known.
        limit: the most tokens it may have.
        is_step: returns whether a token ends a line.
        suppressed: ids of tokens that are never drawn; each token comes with their log-probabilities.
        exact: the source of its processed log-probabilities and of its alternatives, which need ids.
        tokens: its tokens.
        probe: the probability of the probed token after it.
        knows_top: whether log-probabilities of some token were known, so that ``top`` means something.
    """

    until: Boundary
    signals: Signals
    ends: Collection[Name]
    limit: int
    is_step: Callable[[Any], bool]
    suppressed: tuple[int, ...] = ()
    exact: Exact = ""
    tokens: list[Name] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: dict[int, list[float]] = field(default_factory=dict)
    alternatives: list[tuple[Alternative, ...]] = field(default_factory=list)
    top: list[float] = field(default_factory=list)
    sums: list[float] = field(default_factory=lambda: [0.0])  # running sums of ``top``
    steps: list[bool] = field(default_factory=list)
    probe: float | None = None
    knows_top: bool = False

    def take(self, drawn: Iterable[tuple[Name, Mapping[Any, float]]]) -> End | None:
        """Add new tokens up to the one that ends the sample, and return why it ends there; None if it goes on.

        Args:
            drawn: each token with the log-probabilities of some tokens at its position, its own among them, in the
                softmax over the whole vocabulary at temperature 1; an empty mapping if no signal needs them.
        """
        for token, logprobs in drawn:
            self._add(token, logprobs)
            if (end := find_end(self, self.ends, self.is_step)) is not None:
                return end
        return None

    @property
    def plain(self) -> bool:
        """True where nothing but the number of its tokens ends it, and of each one the log-probability is all."""
        asked, whole = self.signals, self.until.kind == "end" and not self.ends and not self.suppressed
        return whole and not (asked.watch or asked.top or asked.steps or asked.alternatives)

    def take_plain(self, tokens: Sequence[Name], logprobs: Sequence[float]) -> End | None:
        """Add new tokens up to the most that it may have, as :meth:`take` does where it is :attr:`plain`.

        Args:
            tokens: the tokens.
            logprobs: the log-probability of each one, at most 0; NaN where it is unknown.
        """
        room = self.limit - len(self.tokens)
        self.tokens += tokens[:room]
        self.logprobs += logprobs[:room]
        return End.LENGTH if len(self.tokens) >= self.limit else None

    def _add(self, token: Name, token_logprobs: Mapping[Any, float]) -> None:
        self.tokens.append(token)
        if token_logprobs:
            never = sum(math.exp(token_logprobs[one]) for one in self.suppressed)
            self.logprobs.append(min(token_logprobs[token] - math.log1p(-min(never, 1 - 1e-12)), 0.0))  # NaN stays
        for one in self.signals.watch:
            self.watched.setdefault(one, []).append(math.exp(token_logprobs[one]))
        if (k := self.signals.top) > 0:
            self.top.append(self._top(token_logprobs, k))
            self.sums.append(self.sums[-1] + self.top[-1])
        if self.signals.steps:
            self.steps.append(self.is_step(token))
        if self.signals.alternatives and self.exact and not self.suppressed:
            self.alternatives.append(self._alternatives(token, token_logprobs))

    def _alternatives(self, token: Any, token_logprobs: Mapping[Any, float]) -> tuple[Alternative, ...]:
        """Return the most probable tokens at a position, those that can be drawn there."""
        if self.exact == "greedy":
            return ((token, 0.0, token_logprobs.get(token, math.nan)),)
        known = [(p, one) for one, p in token_logprobs.items() if p > -math.inf]  # no NaN
        plain = self.exact == "raw"
        return tuple((one, p, p if plain else math.nan) for p, one in heapq.nlargest(self.signals.alternatives, known))

    def _top(self, token_logprobs: Mapping[Any, float], k: int) -> float:
        """Return the top-k confidence of a token, over those that are known; that of the token before if none is."""
        known = heapq.nlargest(k, (p for p in token_logprobs.values() if not math.isnan(p)))
        if known:
            self.knows_top = True
            return -sum(known) / len(known)
        return self.top[-1] if self.top else 0.0

    @property
    def entropy(self) -> Sequence[float]:
        """Empty: no server returns the entropy of a token."""
        return ()

    def content(self, end: End | None) -> list[Name]:
        """Return its tokens without an end-of-sequence token.

        Args:
            end: why the sample ended; End.STOP if its last token is an end-of-sequence token.
        """
        return self.tokens[:-1] if end is End.STOP else self.tokens

    @property
    def trace(self) -> Trace:
        """The signals of all its tokens."""
        known = len(self.logprobs) == len(self.tokens) and not all(map(math.isnan, self.logprobs))
        return Trace(
            logprobs=tuple(self.logprobs) if known and self.exact != "processed" else (),
            watched={token: tuple(self.watched.get(token, ())) for token in self.signals.watch},
            top=tuple(self.top) if self.knows_top else (),
            steps=tuple(self.steps),
            probe=self.probe,
            processed=self._processed(known) if self.signals.processed else (),
            alternatives=self._followed(),
        )

    def _followed(self) -> tuple[tuple[Alternative, ...], ...]:
        """Return its alternatives; where no further token fits, those that end a sample."""
        if not self.alternatives or len(self.tokens) < self.limit:
            return tuple(self.alternatives)
        *others, last = self.alternatives
        return (*others, tuple([one for one in last if one[0] in self.ends]))

    def _processed(self, known: bool) -> tuple[float, ...]:
        """Return its processed log-probabilities; none where one is not known."""
        if self.exact == "greedy":
            return (0.0,) * len(self.tokens)
        whole = self.exact and known and not any(map(math.isnan, self.logprobs))
        return tuple(self.logprobs) if whole else ()
