"""Per-token signals: the request for them, their values, and the one table of their columns.

A new signal is a field of :class:`Signals`, a field of :class:`Trace` and a row of :data:`COLUMNS`, all in this file:
joining, truncation, every file format and the check of an engine's capabilities follow. An engine then computes it, and
a scorer reads it. A signal of :data:`LIVE_COLUMNS` serves the strategy that draws, and no file format has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Alternative = tuple[int, float, float]
"""A token that could be drawn at a position: its id, and its log-probabilities as drawn and at temperature 1."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a trace.

    Attributes:
        name: the field of :class:`Trace`, and the name in every file format.
        signal: the field of :class:`Signals` that requests it.
        kind: the type of a value, float or bool; of live columns, tuple too.
        per: "token" for one value a token, "watched" for one value a token and watched token, "sample" for one number.
        capability: the flag of :class:`~tts.engines.base.Capabilities` that allows it; empty if no single flag does.
        lack: what an engine that cannot give it lacks, in words.
    """

    name: str
    signal: str
    kind: type[float] | type[bool] | type[tuple[Any, ...]]
    per: Literal["token", "watched", "sample"]
    capability: str = ""
    lack: str = ""


COLUMNS = (
    Column("logprobs", "logprobs", float, "token", "", "the log-probability of each token"),
    Column("top", "top", float, "token", "top", "top-k confidences"),
    Column("entropy", "entropy", float, "token", "entropy", "the entropy of each token"),
    Column("certainty", "certainty", float, "token", "certainty", "self-certainty"),
    Column(
        "processed",
        "processed",
        float,
        "token",
        "processed",
        "the log-probability of each token under the distribution it was drawn from",
    ),
    Column("steps", "steps", bool, "token", "steps", "which tokens end a step"),
    Column("watched", "watch", float, "watched", "watch_tokens", "the probability of a watched token"),
    Column("probe", "probe", float, "sample", "probe", "the probability of a token probed after a sample"),
)
"""Every column of a trace that files hold, in the order in which JSON Lines has them."""

LIVE_COLUMNS: tuple[Column, ...] = (
    Column("alternatives", "alternatives", tuple, "token", "alternatives", "the most probable tokens at each position"),
)
"""The columns that live draws alone have: pools and JSON Lines leave them out."""

EVERY_COLUMN = (*COLUMNS, *LIVE_COLUMNS)
PER_TOKEN = tuple(column for column in EVERY_COLUMN if column.per == "token")


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals to collect in the forward pass that draws, at temperature 1 whatever the sampling temperature.

    ``processed`` and ``alternatives`` are of the distribution that the sampling parameters make of it.

    Attributes:
        watch: ids of tokens whose probability to collect.
        owners: the watched tokens of each owner, such as a scoring method, in the owner's order.
        top: k > 0 collects the mean negative log-probability of the k most probable tokens, in nats; 0 does not.
        entropy: whether to collect the entropy of the next-token distribution, in nats.
        certainty: whether to collect self-certainty, KL(uniform || next-token distribution), in nats.
        steps: whether to note which tokens end a step.
        probe: a token to feed once after a sample has ended, to collect its probability at its own position; it costs
            one drawn token. None does not.
        logprobs: whether the log-probability of each drawn token must be there. Engines that have it at hand
            always return it; a server takes time to return it.
        processed: whether to collect the log-probability of each drawn token under the distribution that it was drawn
            from: temperature, top_p, top_k and suppressed tokens applied.
        alternatives: k > 0 collects the k most probable tokens at each position with their log-probabilities, see
            :class:`Trace`; files do not store them. 0 does not.
    """

    watch: tuple[int, ...] = ()
    top: int = 0
    entropy: bool = False
    certainty: bool = False
    steps: bool = False
    probe: int | None = None
    logprobs: bool = False
    processed: bool = False
    alternatives: int = 0
    owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def watching(cls, owner: str, tokens: Iterable[int]) -> Signals:
        """Return the signals of an owner that watches these tokens; without any, no signals."""
        ids = tuple(tokens)
        return cls(watch=ids, owners={owner: ids}) if ids else cls()

    @property
    def confidence_token(self) -> int | None:
        """The first watched token whose probability is a confidence by itself; None if there is none."""
        return _confidence_token(self.watch, self.owners)

    @property
    def readable(self) -> Signals:
        """These signals without those of the draw itself: a given text was drawn from no distribution."""
        return replace(self, processed=False, alternatives=0) if self.processed or self.alternatives else self

    def requests(self, column: Column) -> bool:
        """Return whether a column of the trace is asked for."""
        value = getattr(self, column.signal)
        return value is not None and value is not False and value != () and (value != 0 or column.signal == "probe")

    def to_json(self) -> dict[str, Any]:
        """Return the signals that are asked for by name, as JSON values; those that files do not store are left out."""
        live = {column.signal for column in LIVE_COLUMNS}
        named = ((name, getattr(self, name)) for name in self.__slots__ if name not in live)
        asked = {name: value for name, value in named if value not in (None, False, 0, (), {}) or name == "probe"}
        if self.probe is None:
            asked.pop("probe")
        if self.watch:
            asked["watch"] = list(self.watch)
        if self.owners:
            asked["owners"] = {owner: list(tokens) for owner, tokens in self.owners.items()}
        return asked

    @classmethod
    def from_json(cls, asked: Mapping[str, Any]) -> Signals:
        """Return the signals of :meth:`to_json`."""
        owners = {owner: tuple(tokens) for owner, tokens in asked.get("owners", {}).items()}
        return cls(**{**asked, "watch": tuple(asked.get("watch", ())), "owners": owners})

    def covers(self, other: Signals) -> bool:
        """Return whether a stored draw with these signals has all of the others that files store."""
        try:
            return (self | other).to_json() == self.to_json()
        except ValueError:
            return False

    @classmethod
    def joined(cls, asked: Iterable[Signals]) -> Signals:
        """Return the signals that satisfy all of these, of which many may be the same object.

        Raises:
            ValueError: as ``|``.
        """
        wanted = cls()
        for signals in {id(one): one for one in asked}.values():
            wanted = wanted | signals
        return wanted

    def joins(self, other: Signals) -> bool:
        """Return whether one pass collects both."""
        try:
            self | other
        except ValueError:
            return False
        return True

    def __or__(self, other: Signals) -> Signals:
        """Return the signals that satisfy both.

        Raises:
            ValueError: they want the mean over different numbers of top tokens, different probes, or different tokens
                of one owner, and one pass collects one.
        """
        if self.top and other.top and self.top != other.top:
            raise ValueError(f"one pass collects one top-k confidence, asked for k = {self.top} and {other.top}")
        if self.probe is not None and other.probe is not None and self.probe != other.probe:
            raise ValueError(f"one pass probes one token, asked for tokens {self.probe} and {other.probe}")
        for owner in self.owners.keys() & other.owners.keys():
            mine, its = self.owners[owner], other.owners[owner]
            if mine != its:
                raise ValueError(f"one pass watches one set of {owner} tokens, asked for {mine} and {its}")
        merged = {name: getattr(self, name) or getattr(other, name) for name in self.__slots__}
        merged["watch"] = tuple(dict.fromkeys(self.watch + other.watch))
        merged["alternatives"] = max(self.alternatives, other.alternatives)
        merged["probe"] = other.probe if self.probe is None else self.probe
        merged["owners"] = {**self.owners, **other.owners}
        return Signals(**merged)


def _confidence_token(watched: Iterable[int], owners: Mapping[str, tuple[int, ...]]) -> int | None:
    """Several tokens of one owner are one distribution (FineCE's value tokens), and none of them is a confidence."""
    shared = {token for tokens in owners.values() if len(tokens) > 1 for token in tokens}
    return next((token for token in watched if token not in shared), None)


@dataclass(frozen=True, slots=True)
class Trace:
    """Signals of one sample, one entry a drawn token, each empty where it was not collected.

    Attributes:
        logprobs: log-probability of the drawn token at temperature 1, in nats.
        watched: P(watched token) per watched id, in [0, 1].
        top: mean negative log-probability of the k most probable tokens, in nats.
        entropy: of the next-token distribution, in nats.
        certainty: KL(uniform || next-token distribution), in nats.
        steps: whether the token ends a step.
        probe: P(probed token) after the sample with that token appended, in [0, 1]; one number, not one a token.
        owners: the watched tokens of each owner, as in :class:`Signals`.
        processed: log-probability of the drawn token under the distribution that it was drawn from, in nats; 0 at
            temperature 0.
        alternatives: the most probable tokens at each position, the most probable first, without those that cannot be
            drawn: (id, log-probability under the distribution that is drawn from, log-probability at temperature 1, NaN
            where it is not known).
            Where no further token fits, those that end a sample.
    """

    logprobs: tuple[float, ...] = ()
    watched: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    top: tuple[float, ...] = ()
    entropy: tuple[float, ...] = ()
    certainty: tuple[float, ...] = ()
    steps: tuple[bool, ...] = ()
    probe: float | None = None
    owners: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    processed: tuple[float, ...] = ()
    alternatives: tuple[tuple[Alternative, ...], ...] = ()

    @property
    def confidence_token(self) -> int | None:
        """The first watched token whose probability is a confidence by itself; None if there is none."""
        return _confidence_token(self.watched, self.owners)

    @property
    def confidence(self) -> tuple[float, ...]:
        """P(confidence token) at each token; empty if no watched token is a confidence by itself."""
        token = self.confidence_token
        return () if token is None else self.watched[token]

    def owned_by(self, owner: str) -> tuple[tuple[float, ...], ...]:
        """Return the probabilities of an owner's watched tokens, in the owner's order, one tuple a token."""
        return tuple(self.watched[token] for token in self.owners.get(owner, ()))

    def columns(self) -> Iterator[tuple[Any, ...]]:
        """Every column of one value a token that was collected, those of watched tokens among them."""
        for column in PER_TOKEN:
            if values := getattr(self, column.name):
                yield values
        yield from (values for values in self.watched.values() if values)

    def covers(self, tokens: int) -> bool:
        """Return whether something was collected, and each column has this many tokens."""
        return {len(values) for values in self.columns()} == {tokens}

    def lacks(self, signals: Signals) -> bool:
        """Return whether one of these signals was not collected."""
        for column in EVERY_COLUMN:
            if column.per != "watched" and signals.requests(column) and getattr(self, column.name) in (None, ()):
                return True
        return not all(self.watched.get(token) for token in signals.watch)

    def truncated(self, n: int) -> Trace:
        """Return the trace of the first ``n`` tokens, without the probe at their old end."""
        shorter = {column.name: getattr(self, column.name)[:n] for column in PER_TOKEN}
        watched = {token: values[:n] for token, values in self.watched.items()}
        return Trace(watched=watched, owners=self.owners, **shorter)

    def with_draw(self, drawn: Trace) -> Trace:
        """Return the trace with the columns that only a draw has, from that of the draw."""
        return replace(self, processed=drawn.processed, alternatives=drawn.alternatives)

    def aligned(self) -> Trace:
        """Return the trace without the columns that lack a token which another column has."""
        tokens = max((len(values) for values in self.columns()), default=0)
        kept: dict[str, Any] = {c.name: v if len(v := getattr(self, c.name)) == tokens else () for c in PER_TOKEN}
        watched = {token: values for token, values in self.watched.items() if len(values) == tokens}
        return replace(self, watched=watched, **kept)

    @classmethod
    def joined(cls, pieces: Sequence[Trace], watch: Iterable[int]) -> Trace:
        """Return the trace of a sample from the traces of its pieces, in order, with these watched tokens."""
        whole: dict[str, Any] = {}
        for column in EVERY_COLUMN:
            parts = [getattr(piece, column.name) for piece in pieces]
            if column.per == "token":
                whole[column.name] = tuple([value for part in parts for value in part])
            elif column.per == "watched":
                whole[column.name] = {
                    token: tuple([p for part in parts for p in part.get(token, ())]) for token in watch
                }
            else:
                whole[column.name] = next((part for part in parts if part is not None), None)
        return cls(**whole)

    @classmethod
    def collected(cls, columns: Mapping[str, Sequence[Any]], start: int = 0, **others: Any) -> Trace:
        """Return the trace of the tokens from ``start`` on, from columns that grow token by token, by name."""
        collected: dict[str, Any] = {name: tuple(values[start:]) for name, values in columns.items()}
        return cls(**collected, **others)
