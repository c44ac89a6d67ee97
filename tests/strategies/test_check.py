"""Check: P(a given answer is right) from fresh draws, its share of the votes, and draws that end early."""

from __future__ import annotations

from itertools import product

import pytest

from strategies.check import AGAINST, FOR, Check
from strategies.weighting import Linear, LogOdds, SoftCount, Uniform
from tests.strategies.cases import evidence_of, play
from tts.errors import InputError, UnsupportedError
from tts.types import Problem


def test_share_and_probability_of_the_answer_that_is_checked_not_of_the_leader():
    decision = play(Check("2", 4), [("1", 0.9), ("2", 0.6), ("1", 0.5), ("3", 0.0)])
    assert decision.answer == "2" and decision.reason == "budget"
    assert decision.vote_share == pytest.approx(0.6 / 2.0)
    assert decision.p_correct == pytest.approx((0.6 + FOR) / (2.0 + FOR + AGAINST))
    assert len(decision.samples) == 4 and decision.usage is not None and decision.usage.delivered == 40


def test_an_answer_that_nobody_drew_has_the_less_the_surer_the_votes_against_it():
    sure, unsure = (play(Check("9", 2), [("1", c), ("2", c)]) for c in (0.9, 0.1))
    assert sure.vote_share == unsure.vote_share == 0.0
    assert sure.p_correct is not None and unsure.p_correct is not None
    assert 0.0 < sure.p_correct < unsure.p_correct < 0.5


def test_unparsed_draws_count_and_never_vote_and_without_votes_nothing_is_known():
    decision = play(Check("1", 3), [("", 0.99), ("1", 0.5), ("", None)])
    assert (decision.vote_share, len(decision.samples)) == (1.0, 3)
    for weighting in (Linear(), LogOdds(), Uniform()):
        silent = play(Check("1", 2, weighting), [("", 0.9), ("", 0.9)])
        assert (silent.answer, silent.p_correct, silent.vote_share) == ("1", None, None)
    weightless = play(Check("1", 2), [("1", 0.0), ("2", 0.0)])
    assert (weightless.p_correct, weightless.vote_share) == (None, None)


def test_under_log_odds_it_is_the_posterior_of_the_vote():
    draws = [("1", 0.7), ("2", 0.6), ("1", 0.55), ("3", 0.9)]
    evidence = evidence_of(LogOdds(), *draws)
    of_leader = play(Check("3", 4, LogOdds()), draws)
    assert of_leader.p_correct == pytest.approx(evidence.p_correct(evidence.leader))
    assert of_leader.vote_share == 0.25
    known = [play(Check(answer, 4, LogOdds()), draws).p_correct for answer in ("1", "2", "3", "unseen")]
    assert sum(p for p in known if p is not None) == pytest.approx(1.0)


def test_the_draws_end_once_the_probability_is_beyond_the_confidence():
    sure = [("1", 1.0)] * 16
    decision = play(Check("1", 16, confidence=0.95), sure)
    assert decision.reason == "confident" and len(decision.samples) == 7  # 7.125 / 7.5
    against = play(Check("2", 16, confidence=0.95), sure)
    assert against.reason == "confident" and len(against.samples) == 2  # 0.125 / 2.5
    posterior = play(Check("1", 16, LogOdds(), confidence=0.95), [("1", 0.9)] * 16)
    assert posterior.reason == "confident" and len(posterior.samples) == 2
    assert len(play(Check("1", 3, SoftCount(), confidence=0.999), sure).samples) == 3


def test_as_many_draws_are_asked_for_at_once_as_cannot_end_it():
    assert next(Check("1", 8).run(Problem("p", "?"))).n == 8  # not even eight sure votes are 99 % sure
    assert next(Check("1", 16, confidence=0.95).run(Problem("p", "?"))).n == 2
    assert next(Check("1", 16, LogOdds()).run(Problem("p", "?"))).n == 1


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_a_threshold_ends_draws_without_changing_the_comparison(threshold):
    votes = [("1", 1.0), ("2", 0.5), ("", 0.7)]
    saved = 0
    for draws in product(votes, repeat=5):
        whole = play(Check("1", 5), draws).p_correct
        early = play(Check("1", 5, threshold=threshold), draws)
        accepted = [p is not None and p >= threshold for p in (whole, early.p_correct)]
        assert accepted[0] == accepted[1]
        saved += 5 - len(early.samples)
    assert saved > 0


def test_meaningless_values_are_refused():
    with pytest.raises(InputError, match="budget >= 1, got 0"):
        Check("1", 0)
    with pytest.raises(InputError, match=r"confidence in \(0.5, 1\), got 0.5"):
        Check("1", 2, confidence=0.5)
    with pytest.raises(InputError, match=r"threshold in \(0, 1\), got 1"):
        Check("1", 2, threshold=1.0)
    with pytest.raises(InputError, match="weighting log_odds: leave threshold out"):
        Check("1", 2, LogOdds(), threshold=0.5)
    with pytest.raises(UnsupportedError, match=r"confidence in \[0, 1\], got None"):
        play(Check("1", 2), ["1", "2"])
