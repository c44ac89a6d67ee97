"""ReplayEvidence: the evidence of many rows under one weighting, as arrays of shape [draws, rows].

Implements :class:`~strategies.evidence.Evidence` over :class:`~strategies.draw_arrays.DrawArrays`; facts are computed
on first use. Sums run in order of draws, as in :class:`~strategies.live_evidence.LiveEvidence`, so both round alike.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from strategies.counts import LOG_INTEGER, log_loss_bet, log_win_bet
from strategies.draw_arrays import Array, DrawArrays, running
from strategies.stopping import StoppingRule
from strategies.weighting import Uniform, Weighting

BETS = (0.1, 0.25, 0.5, 0.75, 0.95)
"""Betting fractions that the weighted certificate mixes; fixed in advance, so every bet is predictable."""


class ReplayEvidence:
    """Evidence of :class:`DrawArrays` under one weighting; see :class:`~strategies.evidence.Evidence`."""

    @staticmethod
    def of(draws: DrawArrays, weighting: Weighting) -> ReplayEvidence:
        """Return the evidence of ``draws`` under ``weighting``, cached for the next strategy."""
        view: ReplayEvidence | None = draws.evidence_by_weighting.get(weighting)
        if view is None:
            view = draws.evidence_by_weighting[weighting] = ReplayEvidence(draws, weighting)
        return view

    def __init__(self, draws: DrawArrays, weighting: Weighting) -> None:
        """Hold the draws and their weighting."""
        self.draws = draws
        self.weighting = weighting
        self._first: dict[StoppingRule, Array] = {}

    def first(self, rule: StoppingRule) -> Array:
        """Return the draws after which a rule first fires on each row, [rows]; ``n_draws + 1`` if it never does."""
        found = self._first.get(rule)
        if found is None:
            steps = np.arange(1, self.draws.n_draws + 1, dtype=np.int16)[:, None]
            found = np.where(rule.fires(self), steps, np.int16(self.draws.n_draws + 1)).min(axis=0)
            self._first[rule] = found
        return found

    @property
    def n(self) -> Array:
        """Draws so far."""
        return self.draws.n

    @property
    def parsed(self) -> Array:
        """True if the latest draw has an answer."""
        return self.draws.parsed

    @property
    def confidence(self) -> Array:
        """Confidence of the latest draw."""
        assert self.draws.confidence is not None
        return self.draws.confidence

    @property
    def best_confidence(self) -> Array:
        """Highest confidence so far."""
        return self.draws.best_confidence

    @property
    def streak(self) -> Array:
        """Number of equal answers in a row."""
        return self.draws.streak

    @property
    def mode_probability(self) -> Array:
        """P(leader is the most probable answer)."""
        return self.draws.mode_probability

    @cached_property
    def _weights(self) -> Array:
        draws = self.draws
        source = draws.labels if draws.confidence is None else draws.confidence
        if self.weighting.needs_mass:
            source = np.zeros(draws.labels.shape) if draws.mass is None else draws.mass
        return np.where(draws.parsed, self.weighting.weigh(source), 0)

    @cached_property
    def _scores(self) -> list[Array]:
        """Per label, the score so far; minus infinity (zero for counts) before it was first seen.

        Votes where no draw of a row has a mass to weigh.
        """
        draws = self.draws
        if isinstance(self.weighting, Uniform):
            return draws.votes
        scores = []
        for hit, votes in zip(draws.is_label, draws.votes, strict=True):
            score = running(np.add, np.where(hit, self._weights, 0.0))
            if self.weighting.needs_mass:
                score = np.where(self.total_weight > 0, score, votes)
            if self.weighting.dynamic:
                score += votes * LOG_INTEGER[draws.distinct]
            scores.append(np.where(votes > 0, score, -np.inf))
        return scores

    @cached_property
    def _ranking(self) -> tuple[Array, Array, Array, Array]:
        """(leader, runner-up, lead, next): labels and their scores, ties to the smaller label."""
        shape = self.draws.labels.shape
        floor = 0 if isinstance(self.weighting, Uniform) else -np.inf
        leader = np.full(shape, -1, dtype=np.int16)
        second = np.full(shape, -1, dtype=np.int16)
        lead = np.full(shape, floor, dtype=self._scores[0].dtype)
        after = lead.copy()
        for k, score in enumerate(self._scores):
            if k == 0:
                ahead = self.draws.votes[0] > 0
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
    def leader_score(self) -> Array:
        """Score of the leading answer."""
        return self._ranking[2]

    @property
    def runner_up_score(self) -> Array:
        """Score of the runner-up, 0 where there is none."""
        return self._ranking[3]

    @cached_property
    def total_weight(self) -> Array:
        """Sum of all weights."""
        return running(np.add, self._weights)

    @cached_property
    def posterior(self) -> Array:
        """P(leading answer); scores are log-odds and any unseen answer scores 0."""
        top = np.maximum(self.leader_score, 0.0)
        mass = np.exp(-top)
        for score in self._scores:
            mass = mass + np.exp(score - top)
        posterior: Array = np.exp(self.leader_score - top) / mass
        return posterior

    @cached_property
    def _certificate(self) -> tuple[Array, Array]:
        draws = self.draws
        own = np.zeros(draws.labels.shape, dtype=np.int16)
        rival = np.zeros(draws.labels.shape, dtype=np.int16)
        for a in range(draws.n_answers):
            leads = self.leader == a
            if not leads.any():
                continue
            np.copyto(own, draws.votes[a] - 1, where=leads)
            seen = draws.votes[a] > 0
            for j in range(draws.n_answers):
                if j == a:
                    continue
                # An answer discovered later than a has all its votes after a's discovery.
                since = draws.votes[j] if j > a else running(np.add, draws.is_label[j] & seen, np.int16)
                np.copyto(rival, np.maximum(rival, since), where=leads)
        return own, rival

    @property
    def leader_rank(self) -> Array:
        """Number of distinct answers seen before the leading one."""
        return self.leader

    @property
    def leader_repeats(self) -> Array:
        """Votes of the leading answer after its first."""
        return self._certificate[0]

    @property
    def rival_votes(self) -> Array:
        """Votes of the leader's strongest rival since the leading answer was first seen."""
        return self._certificate[1]

    @cached_property
    def majority_log_e_values(self) -> tuple[Array, Array]:
        """Log e-values of the Martingale Majority Certificate (2510.17472, algorithm 1)."""
        draws = self.draws
        before = np.full((1, draws.n_rows), -1, dtype=np.int16)
        leader = np.concatenate([before, self.leader[:-1]])
        second = np.concatenate([before, self._ranking[1][:-1]])
        bet = draws.parsed & (leader >= 0)
        win = bet & (draws.labels == leader)
        loss = bet & (draws.labels == second)
        other = bet & ~win & ~loss

        def so_far(hit: Array) -> Array:
            return running(np.add, hit, np.int16) - hit

        run = _log_bets(so_far(win), so_far(loss), win, loss)
        rest = _log_bets(so_far(win), so_far(other), win, other)
        return running(np.add, run), running(np.add, rest)

    @cached_property
    def _two_masses(self) -> tuple[Array, Array]:
        masses = self.draws.masses
        if not masses:
            return np.zeros((1, 1)), np.zeros((1, 1))
        own, others = np.zeros(self.draws.labels.shape), np.zeros(self.draws.labels.shape)
        for k, mass in enumerate(masses):
            leads = self.leader == k
            np.copyto(own, mass, where=leads)
            np.maximum(others, mass, out=others, where=~leads)
        return own, others

    @property
    def leader_mass(self) -> Array:
        """Mass of the leading answer."""
        return self._two_masses[0]

    @property
    def runner_up_mass(self) -> Array:
        """Largest mass of any other answer, 0 where there is none."""
        return self._two_masses[1]

    @property
    def unseen_mass(self) -> Array:
        """One minus the mass of all texts seen."""
        return self.draws.unseen_mass

    @cached_property
    def log_wealth(self) -> Array:
        """Log wealth of the bets on the leading answer against its strongest rival, mixed over :data:`BETS`."""
        draws = self.draws
        out = np.zeros(draws.labels.shape)
        for a in range(draws.n_answers):
            rows = np.flatnonzero((self.leader == a).any(axis=0))
            if not len(rows):
                continue
            weights = self._weights[:, rows]
            since = draws.votes[a][:, rows] > 0
            fresh = weights * (draws.is_label[a][:, rows] & (draws.votes[a][:, rows] > 1))
            rivals = [weights * (draws.is_label[j][:, rows] & since) for j in range(draws.n_answers) if j != a]
            # Capped far above any bar, so that a long winning streak cannot overflow.
            gains = [np.minimum(running(np.multiply, 1.0 + bet * fresh), 1e150) for bet in BETS]
            least = sum(gains[1:], gains[0])  # against an unseen answer
            for lost in rivals:
                mixed = np.zeros(least.shape)
                for bet, gain in zip(BETS, gains, strict=True):
                    mixed += gain * running(np.multiply, 1.0 - bet * lost)
                least = np.minimum(least, mixed)
            leads = self.leader[:, rows] == a
            out[:, rows] = np.where(leads, np.log(least / len(BETS)), out[:, rows])
        return out


def _log_bets(wins: Array, losses: Array, win: Array, loss: Array) -> Array:
    """Return the log of one predictable bet per draw, from the wins and losses before it."""
    return np.where(win, log_win_bet(wins, losses), np.where(loss, log_loss_bet(wins, losses), 0.0))
