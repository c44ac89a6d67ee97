"""Replays of every strategy on the same samples under the same permutations, all rows at once.

A random permutation of i.i.d. draws is i.i.d., so any rule that reads the first draws only is evaluated without bias.
Averaging over permutations removes noise (an incomplete U-statistic). Intervals come from questions, never from
permutations.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.replay.arrays import PoolArrays
from evals.replay.generators import play_generator
from evals.replay.traces import RecordedTraces, ReplayedTraces
from strategies.deepconf import DeepConf
from strategies.draw_arrays import DrawArrays, by_discovery, running
from strategies.vote import Vote
from tts.errors import InputError
from tts.requirements import Available, missing
from tts.strategy import Strategy

Array = NDArray[Any]
CHUNK = 8192
"""Rows replayed together: small enough that a column stays in the processor's cache."""


@dataclass(frozen=True)
class Candidate:
    """A strategy and the name of the scores it reads: "recorded", "oracle" or "random".

    The vote family and DeepConf are replayed on all rows at once; any other strategy row by row, as a generator.
    """

    strategy: Strategy
    scores: str = "recorded"


@dataclass(frozen=True)
class Outcome:
    """The decisions of one strategy; every array has shape [questions, permutations].

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


def permutations(sizes: Array, *, count: int, draws: int, seed: int) -> Array:
    """Return random orders of each question's samples, cut to the first ``draws``.

    Args:
        sizes: samples of each question, [questions], each at least ``draws``.
        count: orders a question, >= 1.
        draws: the samples of each order, >= 1.
        seed: the same seed gives the same orders.

    Returns:
        Sample indices, [questions, count, draws].

    Raises:
        InputError: a question with fewer samples than ``draws``, or a count below 1.
    """
    if int(sizes.min()) < draws:
        raise InputError(
            f"budget {draws} is above the {int(sizes.min())} samples of the pool's smallest question: "
            f"choose a budget of at most {int(sizes.min())}"
        )
    if count < 1:
        raise InputError(f"permutations must be at least 1, got {count}")
    rng = np.random.default_rng(seed)
    kind = np.min_scalar_type(int(sizes.max()) - 1)
    out = np.empty((len(sizes), count, draws), dtype=kind)
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        shelf = np.broadcast_to(np.arange(size, dtype=kind), (len(rows), count, size))
        out[rows] = rng.permuted(shelf, axis=2)[:, :, :draws]
    return out


def replay(
    arrays: PoolArrays, candidates: Sequence[Candidate], orders: Array, *, scores: Mapping[str, Array | None]
) -> list[Outcome]:
    """Replay every strategy on every question and permutation.

    Args:
        arrays: the pool.
        candidates: the strategies, each with the name of the scores that it reads.
        orders: sample indices, [questions, permutations, draws].
        scores: confidence arrays by name, in [0, 1] where the sample is parsed: [questions, samples], permuted with the
            samples, or [questions, permutations, draws] for scores that belong to no sample.

    Returns:
        One outcome a candidate, in the same order.

    Raises:
        InputError: a strategy reads top-k confidences, watched probabilities or scores that the pool lacks.
    """
    questions, count, _ = orders.shape
    shape = (questions, count)
    _check(arrays, candidates, scores)
    outcomes = [
        Outcome(
            correct=np.zeros(shape, dtype=bool),
            used=np.zeros(shape, dtype=np.int16),
            abstained=np.zeros(shape, dtype=bool),
            tokens=None if arrays.tokens is None else np.zeros(shape, dtype=np.float64),
            rule=np.zeros(shape, dtype=np.int8),
        )
        for _ in candidates
    ]
    # Questions with equally many distinct answers go together, so that no chunk carries empty columns.
    order = np.argsort(arrays.labels.max(axis=1, initial=-1), kind="stable")
    batch = max(1, CHUNK // count)
    chunks = [order[i : i + batch] for i in range(0, questions, batch)]

    def play(rows: Array) -> None:
        _play(arrays, candidates, orders, scores, rows, outcomes)

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        list(pool.map(play, chunks))
    return outcomes


@dataclass(frozen=True)
class _VoteRows:
    """The draws of many rows as the vote family reads them.

    Attributes:
        labels: answers numbered by discovery, [draws, rows].
        names: the answer class of each label, [answers, rows].
        spent: tokens so far, [draws, rows], or None.
        columns: the arrays of strategies by the name of their scores, made when a strategy needs them.
    """

    labels: Array
    names: Array
    spent: Array | None
    columns: dict[str, DrawArrays]

    @staticmethod
    def of(raw: Array, tokens: Array | None, spared: Array | None = None) -> _VoteRows:
        """Return rows of answer classes and tokens of whole draws; ``spared`` >= 0 are the tokens pruned off a draw."""
        if spared is not None:
            raw = np.where(spared < 0, raw, raw.dtype.type(-1))
            tokens = None if tokens is None else tokens - np.maximum(spared, 0)
        labels, names = by_discovery(raw)
        return _VoteRows(labels, names, None if tokens is None else running(np.add, tokens), {})


def _play(
    arrays: PoolArrays,
    candidates: Sequence[Candidate],
    orders: Array,
    scores: Mapping[str, Array | None],
    rows: Array,
    outcomes: Sequence[Outcome],
) -> None:
    """Replay the questions ``rows``; only their rows of ``outcomes`` are written, so chunks may run side by side."""
    _, count, draws = orders.shape
    question = np.repeat(rows, count)
    at = np.arange(len(question))
    index = orders[rows].reshape(-1, draws).T.astype(np.intp, order="C")
    index += question * arrays.labels.shape[1]

    def by_draw(values: Array) -> Array:
        """Permute [questions, samples] into [draws, rows]; scores per draw are in their order already."""
        if values.ndim == 3:
            return np.ascontiguousarray(values[rows, :count].reshape(-1, draws).T)
        return values.take(index)

    width = np.int8 if arrays.class_correct.shape[1] < 100 else np.int16
    raw = by_draw(arrays.labels.astype(width))
    tokens = None if arrays.tokens is None else by_draw(arrays.tokens)
    whole = _VoteRows.of(raw, tokens)
    kinds, kind = distinct_rows(whole.labels)
    counted = DrawArrays(np.ascontiguousarray(whole.labels[:, kinds]))
    bar, pruned = None, whole  # one bar at a time: grids hold all settings of a bar in a row

    @cache
    def traces() -> ReplayedTraces:
        local = np.repeat(np.arange(len(rows)), count)
        return ReplayedTraces(raw, tokens, _recorded(arrays, rows), local, index - question * arrays.labels.shape[1])

    for candidate, outcome in zip(candidates, outcomes, strict=True):
        strategy, cost = candidate.strategy, None
        if isinstance(strategy, Vote):
            if strategy.prune not in (None, bar):
                bar, pruned = strategy.prune, _VoteRows.of(raw, tokens, traces().pruned(strategy.prune))
            votes = whole if strategy.prune is None else pruned
            if not strategy.requires.confidence:
                label, used, rule = (part[kind] for part in strategy.decide(counted)[:3])
            else:
                if candidate.scores not in votes.columns:
                    votes.columns[candidate.scores] = DrawArrays(votes.labels, by_draw(_scores(scores, candidate)))
                label, used, rule, _ = strategy.decide(votes.columns[candidate.scores])
            label = np.where(label >= 0, votes.names[np.maximum(label, 0), at], -1)
            cost = None if votes.spent is None else votes.spent[used - 1, at]
        elif isinstance(strategy, DeepConf):
            label, used, rule, cost = strategy.decide(traces())
        else:
            label, used, rule, cost = play_generator(
                strategy,
                [question.samples for question in _recorded(arrays, rows)],
                arrays.labels[rows],
                [arrays.classes[q] for q in rows],
                orders[rows],
                _scores(scores, candidate)[rows] if strategy.requires.confidence else None,
            )
        answered = label >= 0
        right = arrays.class_correct[question, np.maximum(label, 0)] & answered
        outcome.correct[rows] = right.reshape(-1, count)
        outcome.used[rows] = used.reshape(-1, count)
        outcome.abstained[rows] = ~answered.reshape(-1, count)
        outcome.rule[rows] = rule.reshape(-1, count)
        if cost is not None and outcome.tokens is not None:
            outcome.tokens[rows] = cost.reshape(-1, count)


def _check(arrays: PoolArrays, candidates: Sequence[Candidate], scores: Mapping[str, Array | None]) -> None:
    """Refuse strategies that read signals or scores that the pool lacks."""
    signals = None if arrays.recorded is None else arrays.recorded.signals
    for candidate in candidates:
        strategy, required = candidate.strategy, candidate.strategy.requires
        if arrays.recorded is None and not (isinstance(strategy, Vote) and strategy.prune is None):
            raise InputError(
                f"strategy {strategy.name} is replayed on the samples themselves: make the arrays from a pool"
            )
        scored = not required.confidence or scores[candidate.scores] is not None
        watched = not required.watched or (signals is not None and signals.watched)
        if lack := missing(required, Available("pool", scored, branching=False, watched=watched, signals=signals)):
            raise InputError(f"strategy {strategy.name} {lack}")


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


def _recorded(arrays: PoolArrays, rows: Array) -> list[RecordedTraces]:
    assert arrays.recorded is not None  # checked
    return [arrays.recorded[q] for q in rows.tolist()]


def _scores(scores: Mapping[str, Array | None], candidate: Candidate) -> Array:
    values = scores[candidate.scores]
    assert values is not None  # checked
    return values
