"""ReplayEvidence: the evidence of many rows under one weighting, everything a stopping rule may look at.

Answers with :class:`~strategies.evidence.Evidence` over :class:`~strategies.columns.DrawArrays`; facts are computed on
first use. Sums run in order of draws, as a live tally's do, so both round alike.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from strategies.columns import Array, DrawArrays, running
from strategies.counts import LOG_INTEGER, log_loss_bet, log_win_bet
from strategies.stopping import StoppingRule
from strategies.weighting import Uniform, Weighting

BETS = (0.1, 0.25, 0.5, 0.75, 0.95)
"""Betting fractions mixed by the weighted certificate: fixed in advance, so every bet is predictable."""


class ReplayEvidence:
    """Evidence of :class:`DrawArrays` under one weighting; see :class:`~strategies.evidence.Evidence`."""

    @staticmethod
    def of(columns: DrawArrays, weighting: Weighting) -> ReplayEvidence:
        """The evidence of ``columns`` under ``weighting``, kept for the next strategy that asks."""
        view: ReplayEvidence | None = columns.views.get(weighting)
        if view is None:
            view = columns.views[weighting] = ReplayEvidence(columns, weighting)
        return view

    def __init__(self, columns: DrawArrays, weighting: Weighting) -> None:
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
    def _certificate(self) -> tuple[Array, Array]:
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
        return own, rival

    @property
    def rank(self) -> Array:
        """How many distinct answers were seen before the leading one."""
        return self.leader

    @property
    def own(self) -> Array:
        """Votes of the leading answer after its first."""
        return self._certificate[0]

    @property
    def rival(self) -> Array:
        """Votes of its strongest rival since the leading answer was first seen."""
        return self._certificate[1]

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
