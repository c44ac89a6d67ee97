"""Rules on votes: the cases that their papers give, and windows that do not overlap."""

from __future__ import annotations

from itertools import product

import pytest

from strategies.counts import leader_probability
from strategies.live_evidence import LiveEvidence
from strategies.stopping import Beta, Dirichlet, Share, Unanimous
from strategies.vote import Vote
from strategies.weighting import Linear, Uniform
from tests.strategies.cases import play
from tts.types import Sample, Usage


def test_adaptive_consistency_stops_at_four_equal_answers_as_in_the_paper():
    assert leader_probability(4, 0) == pytest.approx(1 - 0.5**5)
    assert leader_probability(5, 0) == pytest.approx(0.984375)
    decision = play(Vote("ac", 16, stop=(Beta(0.95),)), ["7"] * 16)
    assert (len(decision.samples), decision.answer, decision.reason) == (4, "7", "beta")
    assert decision.usage == Usage(delivered=40)


@pytest.mark.parametrize("level", [0.4, 0.7, 0.95])
def test_the_beta_rule_can_fire_if_and_only_if_some_further_votes_make_it(level):
    def evidence(*votes):
        found = LiveEvidence(Uniform())
        for answer in (answer for answer, count in zip("abc", votes, strict=True) for _ in range(count)):
            found.add(Sample(answer, answer))
        return found

    rule = Beta(level)
    for votes in product(range(4), repeat=3):
        for draws in range(6):
            ways = (more for more in product(range(draws + 1), repeat=3) if sum(more) <= draws)
            comes = any(rule.fires(evidence(*(a + b for a, b in zip(votes, more, strict=True)))) for more in ways)
            assert rule.can_fire(evidence(*votes), draws) == comes


def test_one_answer_alone_is_not_certain_under_the_dirichlet_rule():
    assert play(Vote("d", 16, stop=(Dirichlet(0.95),)), ["7"] * 16).reason == "dirichlet"
    assert len(play(Vote("d", 16, stop=(Dirichlet(0.95),)), ["7"] * 16).samples) == 4


def test_esc_asks_for_whole_windows_and_returns_the_unanimous_one():
    strategy = Vote("esc", 10, stop=(Unanimous(3),))
    decision = play(strategy, ["1", "1", "2", "3", "3", "3"])
    assert (decision.answer, len(decision.samples), decision.reason) == ("3", 6, "unanimous")
    straddling = play(strategy, ["1", "2", "2", "2", "1", "1", "1", "2", "2", "2"])
    assert straddling.reason == "budget", "windows do not overlap"
    broken = play(strategy, ["1", "", "1", "1", "1", "1", "2", "2", "2"])
    assert (broken.answer, len(broken.samples)) == ("1", 6), "an unparsed draw breaks its window"


def test_esc_takes_the_rest_of_a_budget_that_is_no_multiple_of_its_window():
    assert len(play(Vote("esc", 7, stop=(Unanimous(3),)), ["1", "2", "3", "4", "5", "6", "7"]).samples) == 7


def test_cats_asc_compares_the_leaders_share_of_confidence_from_the_second_sample_on():
    strategy = Vote("cats", 5, weighting=Linear(), stop=(Share(0.8),))
    assert len(play(strategy, [("1", 0.9), ("1", 0.1)]).samples) == 2
    decision = play(strategy, [("1", 0.6), ("2", 0.2), ("1", 0.2), ("1", 0.1), ("2", 0.3)])
    assert len(decision.samples) == 3, ".8 of 1.0 is a share of .8; .6 of .8 is not"
