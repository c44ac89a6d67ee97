"""DrawArrays: the draws of many rows at once, as arrays of shape [draws, rows], and the running facts about them.

A replay is questions x permutations rows; a live question is one row. Knows nothing about pools, permutations,
correctness or weightings (:mod:`strategies.replay_evidence` does). Labels number the answers of a row in the order in
which they were first seen, so "the smallest label" is "the answer seen first": that breaks every tie.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.counts import dirichlet_leader_probability, leader_probability

Array = NDArray[Any]
# Sums of these keys tell multisets of counts apart; two of a million would collide with probability below 1e-6.
_ZOBRIST = np.random.default_rng(20_305_118_60).integers(1, 1 << 62, size=1 << 16, dtype=np.int64)


def by_discovery(raw: Array) -> tuple[Array, Array]:
    """Renumber each row's labels in order of first appearance.

    Args:
        raw: integers [draws, rows], -1 where unparsed.

    Returns:
        (labels [draws, rows], names [answers, rows]): ``raw == names[labels]`` wherever ``labels >= 0``.
    """
    draws, rows = raw.shape
    answers = max(int(raw.max(initial=-1)) + 1, 1)
    step = np.arange(draws, dtype=np.int16)[:, None]
    names = np.zeros((answers, rows), dtype=raw.dtype)
    if answers == 1:
        return raw, names
    first = [np.where(raw == k, step, draws + k).min(axis=0) for k in range(answers)]
    labels, every_row = np.full_like(raw, -1), np.arange(rows)
    for k in range(answers):
        place = sum((first[j] < first[k] for j in range(answers)), np.zeros(rows, dtype=raw.dtype))
        names[place, every_row] = k
        np.copyto(labels, place, where=raw == k)
    return labels, names


def running(add: np.ufunc, values: Array, dtype: Any = None) -> Array:
    """``add.accumulate`` over draws, a row of the machine at a time: several times faster than numpy's own.

    Args:
        add: a binary function, such as ``np.add``.
        values: [draws, rows].
        dtype: of the result, where it is not that of ``values``.
    """
    out = np.empty(values.shape, dtype=dtype or values.dtype)
    out[0] = values[0]
    for t in range(1, len(values)):
        add(out[t - 1], values[t], out=out[t])
    return out


class DrawArrays:
    """Draws of many rows; facts are computed on first use and shared by all strategies."""

    def __init__(self, labels: Array, confidence: Array | None = None) -> None:
        """Take the draws.

        Args:
            labels: integers [draws, rows] numbered by discovery, -1 where unparsed.
            confidence: P(correct) in [0, 1], the same shape, or None where the draws carry none.
        """
        self.labels = labels
        self.confidence = confidence
        self.draws, self.rows = labels.shape
        self.answers = max(int(labels.max(initial=-1)) + 1, 1)
        self.views: dict[Any, Any] = {}  # evidence by weighting, kept by strategies.replay_evidence

    @cached_property
    def n(self) -> Array:
        """Draws so far, shape [draws, 1]."""
        return np.arange(1, self.draws + 1, dtype=np.int16)[:, None]

    @cached_property
    def parsed(self) -> Array:
        """Whether each draw has an answer."""
        return self.labels >= 0

    @cached_property
    def is_label(self) -> list[Array]:
        """Per label, whether each draw gave it."""
        return [self.labels == k for k in range(self.answers)]

    @cached_property
    def votes(self) -> list[Array]:
        """Per label, its votes so far."""
        return [running(np.add, hit, np.int16) for hit in self.is_label]

    @cached_property
    def distinct(self) -> Array:
        """Distinct answers seen so far."""
        return running(np.maximum, self.labels, np.int16) + 1

    @cached_property
    def streak(self) -> Array:
        """Length of the run of equal answers that ends at each draw."""
        out = np.zeros(self.labels.shape, dtype=np.int16)
        out[0] = self.parsed[0]
        for t in range(1, self.draws):
            np.multiply(out[t - 1], self.labels[t] == self.labels[t - 1], out=out[t])
            out[t] += 1
            out[t] *= self.parsed[t]
        return out

    @cached_property
    def parsed_confidence(self) -> Array:
        """The confidence of parsed draws, minus infinity elsewhere."""
        assert self.confidence is not None
        return np.where(self.parsed, self.confidence, -np.inf)

    @cached_property
    def best(self) -> Array:
        """Highest confidence of a parsed draw so far."""
        return running(np.maximum, self.parsed_confidence)

    @cached_property
    def best_label(self) -> Array:
        """Label of the earliest draw of highest confidence, -1 before the first parsed one."""
        out = self.labels.copy()
        for t in range(1, self.draws):
            np.copyto(out[t], out[t - 1], where=~(self.parsed_confidence[t] > self.best[t - 1]))
        return out

    @cached_property
    def dirichlet(self) -> Array:
        """P(leader is the most probable answer), evaluated once for each distinct multiset of counts."""
        if self.answers <= 2:
            a, b = self.votes[0], self.votes[-1] if self.answers == 2 else np.zeros_like(self.votes[0])
            return np.asarray(leader_probability(np.maximum(a, b), np.minimum(a, b)))
        key = _ZOBRIST.take(self.votes[0])
        for count in self.votes[1:]:
            key += _ZOBRIST.take(count)
        _, where, inverse = np.unique(key, return_index=True, return_inverse=True)
        counts = np.stack([c.ravel()[where] for c in self.votes], axis=1)
        ranked = (-np.sort(-counts, axis=1)).tolist()
        values = [dirichlet_leader_probability(tuple(row[: row.index(0)] if 0 in row else row)) for row in ranked]
        return np.array(values)[inverse].reshape(key.shape)
