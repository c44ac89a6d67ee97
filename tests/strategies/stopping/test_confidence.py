"""Rules on single confidences: which sample they accept, and what the decision states."""

from __future__ import annotations

import math

import pytest

from strategies.stopping import Beta, Confident, Gate, Reservation
from strategies.vote import Vote
from strategies.weighting import Linear, SoftCount
from tests.strategies.cases import play


def test_grace_es_stops_on_any_one_confident_sample_and_returns_it():
    strategy = Vote("es", 4, weighting=Linear(), stop=(Confident(0.8),))
    decision = play(strategy, [("1", 0.5), ("1", 0.7), ("2", 0.81), ("1", 0.9)])
    assert (decision.answer, len(decision.samples), decision.reason) == ("2", 3, "confident")
    assert decision.vote_share == pytest.approx(0.81 / 2.01)
    assert decision.p_correct == 0.81, "the confidence of the sample that was accepted"
    at_tau = play(strategy, [("1", 0.8), ("1", 0.8), ("2", 0.8), ("2", 0.8)])
    assert at_tau.reason == "budget", "the paper stops above tau, not at it"


def test_grace_es_falls_back_to_the_weighted_vote_over_all_samples():
    strategy = Vote("es", 3, weighting=Linear(), stop=(Confident(0.95),))
    decision = play(strategy, [("1", 0.3), ("2", 0.9), ("1", 0.4)])
    assert (decision.answer, decision.reason, len(decision.samples)) == ("2", "budget", 3)
    assert decision.vote_share == pytest.approx(0.9 / 1.6)
    assert decision.p_correct is None, "a share of votes is not a probability of being right"


def test_reasc_gates_the_first_sample_and_counts_softly_after():
    assert SoftCount(0.7, 0.5, 0.25).weigh(1.0) == pytest.approx(math.exp(1.4))
    assert SoftCount(0.7, 0.5, 0.25).weigh(0.1) == 1.0
    strategy = Vote("reasc", 9, weighting=SoftCount(), stop=(Gate(0.9), Beta(0.95)))
    assert play(strategy, [("1", 0.9)]).reason == "gate"
    assert play(strategy, [("1", 0.8), ("1", 0.95), ("1", 0.95), ("1", 0.95)]).reason == "beta"


def test_pandora_stops_at_its_reservation_value_with_the_best_so_far():
    strategy = Vote("pandora", 4, stop=(Reservation(0.7),), select="best")
    decision = play(strategy, [("1", 0.6), ("2", 0.7), ("3", 0.9)])
    assert (decision.answer, len(decision.samples), decision.p_correct) == ("2", 2, 0.7)
    assert decision.vote_share is None, "nothing was voted on"
