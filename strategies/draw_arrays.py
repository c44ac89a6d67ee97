"""DrawArrays: the draws of many rows at once, as arrays of shape [draws, rows], and the running facts about them.

A replay has questions x permutations rows; a live question has one row. This module knows nothing about pools,
permutations, correctness or weightings. Labels number the answers of a row in the order in which they were first seen,
so the smallest label is the answer seen first, which breaks every tie.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.counts import dirichlet_leader_probability, leader_probability

Array = NDArray[Any]
# Sums of these keys distinguish multisets of counts; two of a million would collide with probability below 1e-6.
_COUNT_KEYS = np.random.default_rng(20_305_118_60).integers(1, 1 << 62, size=1 << 16, dtype=np.int64)


def by_discovery(raw: Array) -> tuple[Array, Array]:
    """Return each row's labels renumbered in order of first appearance.

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


def running(function: np.ufunc, values: Array, dtype: Any = None) -> Array:
    """Return the running totals ``function.accumulate`` over draws, several times faster than numpy's method.

    Args:
        function: a binary function, such as ``np.add``.
        values: [draws, rows].
        dtype: of the result; None takes that of ``values``.
    """
    out = np.empty(values.shape, dtype=dtype or values.dtype)
    out[0] = values[0]
    for t in range(1, len(values)):
        function(out[t - 1], values[t], out=out[t])
    return out


class DrawArrays:
    """The draws of many rows; facts are computed on first use and shared by all strategies."""

    def __init__(self, labels: Array, confidence: Array | None = None, mass: Array | None = None) -> None:
        """Hold the draws.

        Args:
            labels: integers [draws, rows] numbered by discovery, -1 where unparsed.
            confidence: P(correct) in [0, 1], the same shape, or None if the draws have none.
            mass: the probability that each draw adds to those of the texts before it in its row, the same shape, as
                :func:`strategies.mass.first_seen` returns it, NaN where it is not known; None if that is everywhere.
        """
        self.mass = None if mass is None else np.nan_to_num(mass, nan=0.0)
        self._known = None if mass is None else ~np.isnan(mass)
        self.labels = labels
        self.confidence = confidence
        self.n_draws, self.n_rows = labels.shape
        self.n_answers = max(int(labels.max(initial=-1)) + 1, 1)
        self.evidence_by_weighting: dict[Any, Any] = {}  # filled by strategies.replay_evidence

    @cached_property
    def n(self) -> Array:
        """Draws so far, shape [draws, 1]."""
        return np.arange(1, self.n_draws + 1, dtype=np.int16)[:, None]

    @cached_property
    def parsed(self) -> Array:
        """True for each draw that has an answer."""
        return self.labels >= 0

    @cached_property
    def is_label(self) -> list[Array]:
        """Per label, True for each draw that gave it."""
        return [self.labels == k for k in range(self.n_answers)]

    @cached_property
    def votes(self) -> list[Array]:
        """Per label, the votes so far."""
        return [running(np.add, hit, np.int16) for hit in self.is_label]

    @cached_property
    def masses(self) -> list[Array]:
        """Per label, the mass so far; empty if masses are not known."""
        if self.mass is None:
            return []
        return [running(np.add, np.where(hit, self.mass, 0.0)) for hit in self.is_label]

    @cached_property
    def unseen_mass(self) -> Array:
        """One minus the mass of all texts so far; one, of shape [1, 1], if masses are not known."""
        unseen = np.ones((1, 1)) if self.mass is None else np.maximum(1.0 - running(np.add, self.mass), 0.0)
        return np.asarray(unseen)

    @cached_property
    def unknown_mass(self) -> Array:
        """True once a draw with an answer had no probability, [draws, rows]."""
        return running(np.logical_or, self.parsed if self._known is None else self.parsed & ~self._known)

    @cached_property
    def distinct(self) -> Array:
        """Distinct answers seen so far."""
        return running(np.maximum, self.labels, np.int16) + 1

    @cached_property
    def streak(self) -> Array:
        """Number of equal answers in a row that end at each draw."""
        out = np.zeros(self.labels.shape, dtype=np.int16)
        out[0] = self.parsed[0]
        for t in range(1, self.n_draws):
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
    def best_confidence(self) -> Array:
        """Highest confidence of a parsed draw so far."""
        return running(np.maximum, self.parsed_confidence)

    @cached_property
    def best_label(self) -> Array:
        """Label of the earliest draw of highest confidence, -1 before the first parsed one."""
        out = self.labels.copy()
        for t in range(1, self.n_draws):
            np.copyto(out[t], out[t - 1], where=~(self.parsed_confidence[t] > self.best_confidence[t - 1]))
        return out

    @cached_property
    def mode_probability(self) -> Array:
        """P(leader is the most probable answer), computed once for each distinct multiset of counts."""
        if self.n_answers <= 2:
            a, b = self.votes[0], self.votes[-1] if self.n_answers == 2 else np.zeros_like(self.votes[0])
            return np.asarray(leader_probability(np.maximum(a, b), np.minimum(a, b)))
        key = _COUNT_KEYS.take(self.votes[0])
        for count in self.votes[1:]:
            key += _COUNT_KEYS.take(count)
        _, where, inverse = np.unique(key, return_index=True, return_inverse=True)
        counts = np.stack([c.ravel()[where] for c in self.votes], axis=1)
        ranked = (-np.sort(-counts, axis=1)).tolist()
        values = [dirichlet_leader_probability(tuple(row[: row.index(0)] if 0 in row else row)) for row in ranked]
        return np.array(values)[inverse].reshape(key.shape)
