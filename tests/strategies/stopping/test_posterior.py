"""Rules on the posterior: one sure sample is enough, and late draws must be worth their cost."""

from __future__ import annotations

from strategies.stopping import Posterior, SamplingCost
from strategies.vote import Vote
from strategies.weighting import LogOdds
from tests.strategies.cases import play


def test_cges_accepts_one_sure_sample_and_stops_at_gamma():
    strategy = Vote("cges", 16, weighting=LogOdds(), stop=(Posterior(0.95),))
    assert len(play(strategy, [("1", 0.96)]).samples) == 1
    assert len(play(strategy, [("1", 0.9), ("1", 0.9)]).samples) == 2


def test_a_cost_per_draw_stops_undecided_questions_earlier_than_a_bar():
    strategy = Vote("cost", 16, weighting=LogOdds(0.5), stop=(SamplingCost(0.1, power=1),))
    assert len(play(strategy, [("1", 0.91)]).samples) == 1  # .09 <= .1
    undecided = [("1", 0.7), ("2", 0.7)] * 8  # wrong after 4 and 5: .54 of 5.4 : 5.4 : 1, .34 of 12.7 : 5.4 : 1
    assert len(play(strategy, undecided).samples) == 5
    assert len(play(Vote("cges", 16, weighting=LogOdds(0.5), stop=(Posterior(0.9),)), undecided).samples) == 16


def test_a_cost_per_draw_never_stops_without_an_answer():
    strategy = Vote("cost", 16, weighting=LogOdds(0.5), stop=(SamplingCost(0.5, power=1),))
    decision = play(strategy, [(None, 0.5)] * 5 + [("1", 0.5)])
    assert len(decision.samples) == 6 and decision.answer == "1"
