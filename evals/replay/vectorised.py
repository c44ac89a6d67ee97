"""Decisions of strategies on the same samples in the same orders, all rows at once.

A row is one order of one question. :mod:`evals.replay.outcome` plays whole pools, some questions after the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from evals.replay.generators import play_generator
from evals.replay.scores import Scores
from evals.replay.traces import RecordedTraces, ReplayedTraces
from strategies.deepconf import DeepConf
from strategies.draw_arrays import DrawArrays, by_discovery, running
from strategies.mass.gated import MassGated
from strategies.mass.rpc import RPC
from strategies.vote import Decisions, Vote
from tts.errors import InputError
from tts.requirements import Available, missing
from tts.strategy import Strategy
from tts.types import Signals

Array = NDArray[Any]
Voting = Vote | MassGated | RPC


@dataclass(frozen=True)
class Candidate:
    """A strategy and the name of the scores it reads: "recorded", "oracle" or "random".

    Votes and DeepConf are replayed on all rows at once; any other strategy row by row, as a generator.

    Attributes:
        strategy: the strategy.
        scores: the name of its scores.
        causes: True to count the causes of its wrong decisions.
        counterpart: for the causes, the same strategy at the full budget without stopping; None without one.
    """

    strategy: Strategy
    scores: str = "recorded"
    causes: bool = False
    counterpart: Strategy | None = None


@dataclass(frozen=True)
class Replayed:
    """Every decision of one strategy on some questions; each array has shape [questions, permutations].

    Attributes:
        correct: True where its answer is right; an abstention is not.
        used: the number of draws used.
        abstained: True where no draw had a readable answer.
        tokens: the tokens of the draws used, those of a stopped draw up to its stop; None where the pool counts none.
        rule: index of the stopping rule that fired, -1 for the budget.
    """

    correct: Array
    used: Array
    abstained: Array
    tokens: Array | None
    rule: Array


def decide(
    arrays: PoolArrays, candidates: Sequence[Candidate], orders: Array, *, scores: Scores, rows: Array | None = None
) -> list[Replayed]:
    """Return every decision of the strategies on some questions; memory grows with questions x permutations x draws.

    Args:
        arrays: the pool.
        candidates: the strategies, each with the name of the scores that it reads.
        orders: sample indices of these questions, [questions, permutations, draws].
        scores: of all questions of the pool: [questions, samples], permuted with the samples, or
            [questions, permutations, draws] for scores that belong to no sample.
        rows: the questions; None takes all of the pool.

    Returns:
        The decisions of each candidate, in the same order.
    """
    played = _Rows(arrays, np.arange(arrays.questions) if rows is None else rows, orders, scores)
    groups = _groups(candidates)
    found = {i: played.decide(candidates[i]) for i in sorted(range(len(candidates)), key=groups.__getitem__)}
    played.let_go()
    return [found[i] for i in range(len(candidates))]


def check(arrays: PoolArrays, candidates: Sequence[Candidate], scores: Scores) -> None:
    """Refuse strategies that read signals or scores that the pool lacks.

    Raises:
        InputError: a strategy reads top-k confidences, watched probabilities or scores that the pool lacks.
    """
    signals = None if arrays.recorded is None else arrays.recorded.signals
    for candidate in candidates:
        strategy, required = candidate.strategy, candidate.strategy.requires
        if arrays.recorded is None and not (
            isinstance(strategy, Vote) and strategy.prune is None and not strategy.needs_mass
        ):
            raise InputError(
                f"strategy {strategy.name} is replayed on the samples themselves: make the arrays from a pool"
            )
        scored = not required.confidence or scores[candidate.scores] is not None
        watched = not required.watched or (signals is not None and signals.watched)
        if lack := missing(required, Available("pool", scored, branching=False, watched=watched, signals=signals)):
            raise InputError(f"strategy {strategy.name} {lack}")


def _groups(candidates: Sequence[Candidate]) -> list[int]:
    """Return the number of each candidate's group: strategies that read the same draws under the same weights."""
    keys: list[tuple[Any, Any]] = []
    for candidate in candidates:
        strategy = candidate.strategy
        if isinstance(strategy, Voting):
            keys.append((_read(strategy, candidate.scores), strategy.weighting))
        else:
            keys.append((None, None))
    first = list(dict.fromkeys(read for read, _ in keys))
    groups = sorted(dict.fromkeys(keys), key=lambda key: first.index(key[0]))
    return [groups.index(key) for key in keys]


def _read(strategy: Voting, scores: str) -> Any:
    """Return what a strategy reads of draws beside their answers; None where it only counts."""
    confidence, mass = strategy.requires.confidence, strategy.needs_mass
    return (scores if confidence else None, strategy.prune, mass) if confidence or mass else None


@dataclass(frozen=True)
class _Votes:
    """The draws of many rows as the vote family reads them.

    Attributes:
        labels: answers numbered by discovery, [draws, rows].
        names: the answer class of each label, [answers, rows].
        spent: tokens so far, [draws, rows], or None.
    """

    labels: Array
    names: Array
    spent: Array | None

    @staticmethod
    def of(raw: Array, tokens: Array | None, spared: Array | None = None) -> _Votes:
        """Return rows of answer classes and tokens of whole draws; ``spared`` >= 0 are the tokens pruned off a draw."""
        if spared is not None:
            raw = np.where(spared < 0, raw, raw.dtype.type(-1))
            tokens = None if tokens is None else tokens - np.maximum(spared, 0)
        labels, names = by_discovery(raw)
        return _Votes(labels, names, None if tokens is None else running(np.add, tokens))


class _Rows:
    """Some questions in some orders: rows of draws that all strategies read.

    What strategies compute of the draws is kept for the next one as long as it reads the same draws (the scores, the
    bar of pruning) under the same weighting.
    """

    def __init__(self, arrays: PoolArrays, rows: Array, orders: Array, scores: Scores) -> None:
        self.arrays, self.rows, self.orders, self.scores = arrays, rows, orders, scores
        self.local = np.repeat(np.arange(len(rows)), orders.shape[1])
        self.index = orders.reshape(-1, orders.shape[2]).T.astype(np.intp, order="C")
        width = np.int8 if arrays.class_correct.shape[1] < 100 else np.int16
        self.raw = self._by_draw(arrays.labels[rows].astype(width))
        self.tokens = None if arrays.tokens is None else self._by_draw(arrays.tokens[rows].astype(np.float64))
        self.whole = self.pruned = _Votes.of(self.raw, self.tokens)
        self.bar: float | None = None
        self.kinds, self.kind = distinct_rows(self.whole.labels)
        self.read: Any = None
        self.draws: DrawArrays | None = None
        self.traces: ReplayedTraces | None = None

    def decide(self, candidate: Candidate) -> Replayed:
        """Return the decisions of a strategy, [questions, permutations]."""
        strategy = candidate.strategy
        if isinstance(strategy, Voting):
            decided = self._vote(strategy, candidate.scores)
        elif isinstance(strategy, DeepConf):
            decided = strategy.decide(self._traces())
        else:
            arrays, rows = self.arrays, self.rows
            decided = play_generator(
                strategy,
                [question.samples for question in self._recorded()],
                arrays.labels[rows],
                [arrays.classes[q] for q in rows],
                self.orders,
                self._scores(candidate.scores) if strategy.requires.confidence else None,
            )
        label, used, rule, tokens = decided
        answered = label >= 0
        right = self.arrays.class_correct[self.rows[self.local], np.maximum(label, 0)] & answered
        shape = self.orders.shape[:2]
        return Replayed(
            correct=right.reshape(shape),
            used=used.astype(np.int16).reshape(shape),
            abstained=~answered.reshape(shape),
            tokens=None if tokens is None or self.tokens is None else tokens.reshape(shape),
            rule=rule.astype(np.int8).reshape(shape),
        )

    def _vote(self, strategy: Voting, name: str) -> Decisions:
        votes, bar = self.whole, strategy.prune
        if bar is not None:
            if bar != self.bar:
                self.bar, self.pruned = bar, _Votes.of(self.raw, self.tokens, self._traces().pruned(bar))
            votes = self.pruned
        draws, at = self._draws(strategy, name, votes), np.arange(len(self.local))
        label, used, rule, _ = strategy.decide(draws)
        if self.read is None:
            label, used, rule = label[self.kind], used[self.kind], rule[self.kind]
        label = np.where(label >= 0, votes.names[np.maximum(label, 0), at], -1)
        return Decisions(label, used, rule, None if votes.spent is None else votes.spent[used - 1, at])

    def _draws(self, strategy: Voting, name: str, votes: _Votes) -> DrawArrays:
        """Return the draws as the strategy reads them, and let go of what was computed of others or other weights."""
        read = _read(strategy, name)
        if self.draws is None or read != self.read:
            self.let_go()
            self.read = read
            if read is None:
                self.draws = DrawArrays(np.ascontiguousarray(votes.labels[:, self.kinds]))
            else:
                confidence = self._confidence(name) if strategy.requires.confidence else None
                self.draws = DrawArrays(votes.labels, confidence, self._added_mass(strategy))
        elif strategy.weighting not in self.draws.evidence_by_weighting:
            self.let_go()
        return self.draws

    def let_go(self) -> None:
        """Free what was computed of the draws; evidence and draws refer to each other, so that neither goes alone."""
        if self.draws is not None:
            self.draws.evidence_by_weighting.clear()

    def _confidence(self, name: str) -> Array:
        """Return the scores of every draw, [draws, rows]; scores per draw are in their order already."""
        values = self._scores(name)
        if values.ndim == 3:
            return np.ascontiguousarray(values.reshape(-1, values.shape[2]).T)
        return self._by_draw(values)

    def _added_mass(self, strategy: Voting) -> Array | None:
        """Return the mass that each draw adds, [draws, rows]; None where the strategy reads none, or there is none."""
        recorded = self.arrays.recorded
        if not strategy.needs_mass or recorded is None or recorded.signals.lacking(Signals(processed=True)):
            return None
        return self._traces().added_mass(strategy.prune)

    def _scores(self, name: str) -> Array:
        """Return scores of these questions, [questions, samples] or [questions, permutations, draws]."""
        values = self.scores[name]
        assert values is not None  # checked
        found: Array = values[self.rows] if values.ndim == 2 else values[self.rows, : self.orders.shape[1]]
        return found

    def _by_draw(self, values: Array) -> Array:
        """Permute [questions, samples] into [draws, rows]."""
        drawn: Array = values.take(self.index + self.local * values.shape[1])
        return drawn

    def _traces(self) -> ReplayedTraces:
        if self.traces is None:
            self.traces = ReplayedTraces(self.raw, self.tokens, self._recorded(), self.local, self.index)
        return self.traces

    def _recorded(self) -> list[RecordedTraces]:
        recorded = self.arrays.recorded
        assert recorded is not None  # checked
        return [recorded[q] for q in self.rows.tolist()]


def distinct_rows(labels: Array) -> tuple[Array, Array]:
    """Return the distinct rows of labels, all that a strategy that only counts can distinguish.

    Labels are numbered by discovery, so that all unanimous questions are one row, and most rows of a real pool repeat.

    Args:
        labels: [draws, rows].

    Returns:
        (kinds, kind): the first row of each kind, and the kind of each row: ``labels == labels[:, kinds[kind]]``.
    """
    code = np.ones(labels.shape[1], dtype=np.uint64)
    for drawn in labels:
        code *= np.uint64(0x9E3779B97F4A7C15)
        code += (drawn + 1).astype(np.uint64)
        code ^= code >> np.uint64(29)
    _, kinds, kind = np.unique(code, return_index=True, return_inverse=True)
    if (labels[:, kinds[kind]] == labels).all():
        return kinds, kind
    _, kinds, kind = np.unique(labels, axis=1, return_index=True, return_inverse=True)  # two codes collided
    return kinds, kind
