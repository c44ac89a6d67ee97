"""The vote family: what a decision rests on, ties, abstention, batches of draws, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.draw_arrays import DrawArrays
from strategies.stopping import Beta, Confident, Dirichlet, Never, Posterior, SamplingCost, Share, Unanimous
from strategies.vote import Vote
from strategies.weighting import Linear, LogOdds, Uniform
from tests.strategies.cases import play
from tts.errors import InputError
from tts.types import Problem


def test_plain_self_consistency_needs_no_confidence():
    assert play(Vote("sc", 2), ["1", "1"]).answer == "1"


def test_all_unparsed_abstains():
    for strategy in (Vote("sc", 3), Vote("best", 3, select="best"), Vote("ac", 3, stop=(Beta(0.4), Dirichlet(0.4)))):
        decision = play(strategy, [("", 0.5)] * 3)
        assert (decision.answer, decision.p_correct, decision.vote_share) == (None, None, None)


def test_an_unparsed_sample_never_stops_votes_or_wins_however_confident():
    strategy = Vote("es", 3, weighting=Linear(), stop=(Confident(0.5),))
    assert play(strategy, [("", 0.99), ("", 0.99), ("3", 0.1)]).answer == "3"
    best = Vote("best", 3, select="best")
    assert play(best, [("", 0.99), ("4", 0.2), ("5", 0.1)]).answer == "4"


def test_ties_go_to_the_answer_seen_first():
    assert play(Vote("sc", 4), ["b", "a", "a", "b"]).answer == "b"
    assert play(Vote("sc", 4, weighting=Linear()), [("b", 0.25), ("a", 0.75), ("b", 0.5), ("c", 0.75)]).answer == "b"
    assert play(Vote("bon", 3, select="best"), [("x", 0.9), ("y", 0.9), ("z", 0.1)]).answer == "x"


def test_zero_confidence_everywhere_still_gives_the_first_answer():
    assert play(Vote("w", 2, weighting=Linear()), [("b", 0.0), ("a", 0.0)]).answer == "b"


def test_never_asks_for_the_whole_budget_at_once():
    steps = Vote("sc", 12, stop=(Never(),)).run(Problem("p", "?"))
    assert next(steps).n == 12
    assert next(Vote("ac", 12, stop=(Beta(),)).run(Problem("p", "?"))).n == 1


def test_rules_that_make_no_sense_together_are_refused():
    with pytest.raises(InputError, match="posterior needs weighting log_odds"):
        Vote("x", 3, weighting=Linear(), stop=(Posterior(),))
    with pytest.raises(InputError, match="sampling_cost needs weighting log_odds"):
        Vote("x", 3, weighting=Uniform(), stop=(SamplingCost(),))
    with pytest.raises(InputError, match="beta needs non-negative weights"):
        Vote("x", 3, weighting=LogOdds(), stop=(Beta(),))
    with pytest.raises(InputError, match="share needs non-negative weights"):
        Vote("x", 3, weighting=LogOdds(), stop=(Share(),))
    with pytest.raises(InputError, match="budget >= 1, got 0"):
        Vote("x", 0)
    with pytest.raises(InputError, match="select vote or best"):
        Vote("x", 1, select="worst")  # type: ignore[arg-type]


def test_draws_are_requested_in_the_largest_batches_that_no_rule_looks_between():
    assert Vote("x", 12, stop=(Unanimous(4),)).stride == Vote("x", 12, stop=(Unanimous(4), Never())).stride == 4
    assert Vote("x", 12, stop=(Unanimous(4), Unanimous(3))).stride == 1
    assert Vote("x", 3, stop=(Unanimous(4),)).stride == 3


def test_a_replay_of_counting_rules_needs_no_confidence():
    draws = DrawArrays(np.zeros((5, 1), dtype=np.int16))
    assert Vote("ac", 5, stop=(Beta(0.95),)).decide(draws).used.tolist() == [4]
