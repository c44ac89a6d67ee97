"""Columns: the draws of many rows at once, as arrays of shape [draws, rows], and every running fact about them.

A replay is questions x permutations rows; a live question is one row. Knows nothing about pools, permutations or
correctness: it gets labels and confidences and answers with :class:`~strategies.evidence.Evidence`. Labels number the
answers of a row in the order in which they were first seen, so "the smallest label" is "the answer seen first": that
breaks every tie. Sums run in order of draws, as a live tally's do, so both round alike.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.counts import LOG_INTEGER, dirichlet_leader_probability, leader_probability, log_loss_bet, log_win_bet
from strategies.stopping import StoppingRule
from strategies.weighting import Uniform, Weighting

Array = NDArray[Any]
BETS = (0.1, 0.25, 0.5, 0.75, 0.95)
"""Betting fractions mixed by the weighted certificate: fixed in advance, so every bet is predictable."""
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


class Columns:
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
        self._views: dict[Weighting, Weighed] = {}

    def weighed(self, weighting: Weighting) -> Weighed:
        """The evidence under one weighting, kept for the next strategy that uses it."""
        view = self._views.get(weighting)
        if view is None:
            view = self._views[weighting] = Weighed(self, weighting)
        return view

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


class Weighed:
    """Evidence of :class:`Columns` under one weighting; see :class:`~strategies.evidence.Evidence`."""

    def __init__(self, columns: Columns, weighting: Weighting) -> None:
        """View ``columns`` under ``weighting``."""
        self.columns = columns
        self.weighting = weighting
        self._first: dict[StoppingRule, Array] = {}

    def first(self, rule: StoppingRule) -> Array:
        """Draws after which a rule first fires on each row, [rows]; ``draws + 1`` where it never does."""
        found = self._first.get(rule)
        if found is None:
            steps = np.arange(1, self.columns.draws + 1, dtype=np.int16)[:, None]
            found = np.where(rule.fires(self), steps, np.int16(self.columns.draws + 1)).min(axis=0)
            self._first[rule] = found
        return found

    @property
    def n(self) -> Array:
        """Draws so far."""
        return self.columns.n

    @property
    def parsed(self) -> Array:
        """Whether the latest draw has an answer."""
        return self.columns.parsed

    @property
    def confidence(self) -> Array:
        """Confidence of the latest draw."""
        assert self.columns.confidence is not None
        return self.columns.confidence

    @property
    def best(self) -> Array:
        """Highest confidence so far."""
        return self.columns.best

    @property
    def streak(self) -> Array:
        """Run of equal answers."""
        return self.columns.streak

    @property
    def dirichlet(self) -> Array:
        """P(leader is the most probable answer)."""
        return self.columns.dirichlet

    @cached_property
    def _weights(self) -> Array:
        columns = self.columns
        source = columns.labels if columns.confidence is None else columns.confidence
        return np.where(columns.parsed, self.weighting.weigh(source), 0)

    @cached_property
    def _scores(self) -> list[Array]:
        """Per label, the score so far; minus infinity (counts: zero) before it was first seen."""
        columns = self.columns
        if isinstance(self.weighting, Uniform):
            return columns.votes
        scores = []
        for hit, votes in zip(columns.is_label, columns.votes, strict=True):
            score = running(np.add, np.where(hit, self._weights, 0.0))
            if self.weighting.dynamic:
                score += votes * LOG_INTEGER[columns.distinct]
            scores.append(np.where(votes > 0, score, -np.inf))
        return scores

    @cached_property
    def _ranking(self) -> tuple[Array, Array, Array, Array]:
        """(leader, runner-up, lead, next): labels and their scores, ties to the smaller label."""
        shape = self.columns.labels.shape
        floor = 0 if isinstance(self.weighting, Uniform) else -np.inf
        leader = np.full(shape, -1, dtype=np.int16)
        second = np.full(shape, -1, dtype=np.int16)
        lead = np.full(shape, floor, dtype=self._scores[0].dtype)
        after = lead.copy()
        for k, score in enumerate(self._scores):
            if k == 0:
                ahead = self.columns.votes[0] > 0
                np.copyto(leader, 0, where=ahead)
                lead = score.copy()
                continue
            ahead = score > lead
            closer = ~ahead & (score > after)
            np.copyto(second, leader, where=ahead)
            np.copyto(second, k, where=closer)
            np.copyto(leader, k, where=ahead)
            after = np.where(ahead, lead, np.maximum(after, score))
            lead = np.maximum(lead, score)
        if not self.weighting.signed:
            after = np.maximum(after, 0)
        return leader, second, lead, after

    @property
    def leader(self) -> Array:
        """Label of the leading answer, -1 before the first parsed draw."""
        return self._ranking[0]

    @property
    def lead(self) -> Array:
        """Score of the leading answer."""
        return self._ranking[2]

    @property
    def next(self) -> Array:
        """Score of the runner-up, 0 where there is none."""
        return self._ranking[3]

    @cached_property
    def total(self) -> Array:
        """Sum of all weights."""
        return running(np.add, self._weights)

    @cached_property
    def posterior(self) -> Array:
        """P(leading answer) where scores are log-odds and any unseen answer scores 0."""
        top = np.maximum(self.lead, 0.0)
        mass = np.exp(-top)
        for score in self._scores:
            mass = mass + np.exp(score - top)
        posterior: Array = np.exp(self.lead - top) / mass
        return posterior

    @cached_property
    def _certificate(self) -> tuple[Array, Array, Array]:
        columns = self.columns
        own = np.zeros(columns.labels.shape, dtype=np.int16)
        rival = np.zeros(columns.labels.shape, dtype=np.int16)
        for a in range(columns.answers):
            leads = self.leader == a
            if not leads.any():
                continue
            np.copyto(own, columns.votes[a] - 1, where=leads)
            seen = columns.votes[a] > 0
            for j in range(columns.answers):
                if j == a:
                    continue
                # An answer discovered later than a has all its votes after a's discovery.
                since = columns.votes[j] if j > a else running(np.add, columns.is_label[j] & seen, np.int16)
                np.copyto(rival, np.maximum(rival, since), where=leads)
        return self.leader, own, rival

    @property
    def rank(self) -> Array:
        """How many distinct answers were seen before the leading one."""
        return self._certificate[0]

    @property
    def own(self) -> Array:
        """Votes of the leading answer after its first."""
        return self._certificate[1]

    @property
    def rival(self) -> Array:
        """Votes of its strongest rival since the leading answer was first seen."""
        return self._certificate[2]

    @cached_property
    def duel(self) -> tuple[Array, Array]:
        """Log e-values of the Martingale Majority Certificate (2510.17472, algorithm 1)."""
        columns = self.columns
        before = np.full((1, columns.rows), -1, dtype=np.int16)
        leader = np.concatenate([before, self.leader[:-1]])
        second = np.concatenate([before, self._ranking[1][:-1]])
        bet = columns.parsed & (leader >= 0)
        win = bet & (columns.labels == leader)
        loss = bet & (columns.labels == second)
        other = bet & ~win & ~loss

        def so_far(hit: Array) -> Array:
            return running(np.add, hit, np.int16) - hit

        run = _log_bets(so_far(win), so_far(loss), win, loss)
        rest = _log_bets(so_far(win), so_far(other), win, other)
        return running(np.add, run), running(np.add, rest)

    @cached_property
    def wealth(self) -> Array:
        """Log wealth of the bets on the leading answer against its strongest rival, mixed over :data:`BETS`."""
        columns = self.columns
        out = np.zeros(columns.labels.shape)
        for a in range(columns.answers):
            rows = np.flatnonzero((self.leader == a).any(axis=0))
            if not len(rows):
                continue
            weights = self._weights[:, rows]
            since = columns.votes[a][:, rows] > 0
            fresh = weights * (columns.is_label[a][:, rows] & (columns.votes[a][:, rows] > 1))
            rivals = [weights * (columns.is_label[j][:, rows] & since) for j in range(columns.answers) if j != a]
            # Capped far above any bar, so that a long winning streak cannot overflow.
            gains = [np.minimum(running(np.multiply, 1.0 + bet * fresh), 1e150) for bet in BETS]
            least = sum(gains[1:], gains[0])  # against an answer nobody gave
            for lost in rivals:
                mixed = np.zeros(least.shape)
                for bet, gain in zip(BETS, gains, strict=True):
                    mixed += gain * running(np.multiply, 1.0 - bet * lost)
                least = np.minimum(least, mixed)
            leads = self.leader[:, rows] == a
            out[:, rows] = np.where(leads, np.log(least / len(BETS)), out[:, rows])
        return out


def _log_bets(wins: Array, losses: Array, win: Array, loss: Array) -> Array:
    """Log of one predictable bet a draw, from the wins and losses before it."""
    return np.where(win, log_win_bet(wins, losses), np.where(loss, log_loss_bet(wins, losses), 0.0))
