"""Weightings equal their published formulas and refuse options outside their ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.vote import Vote
from strategies.weighting import WEIGHTINGS, Linear, LogOdds, SoftCount, Softmax, Uniform
from tests.strategies.cases import play
from tts.errors import InputError


def test_log_odds_votes_below_the_prior_count_against():
    strategy = Vote("lo", 3, weighting=LogOdds(0.5))
    assert play(strategy, [("1", 0.3), ("1", 0.3), ("2", 0.4)]).answer == "2"


def test_cisc_tends_to_self_consistency_and_to_best_of_n():
    draws = [("1", 0.5), ("1", 0.5), ("2", 0.9)]
    assert play(Vote("hot", 3, weighting=Softmax(100.0)), draws).answer == "1"
    assert play(Vote("cold", 3, weighting=Softmax(0.02)), draws).answer == "2"
    assert Softmax(0.5).weigh(0.8) == pytest.approx(math.exp(-0.4))


@pytest.mark.parametrize("weighting", [Uniform(), Linear(), Softmax(0.3), LogOdds(), LogOdds(0.2), SoftCount()])
def test_a_weight_is_the_same_for_a_number_and_in_an_array(weighting):
    confidence = np.array([0.0, 0.3, 0.5, 1.0])
    weights = weighting.weigh(confidence)
    assert weights.tolist() == [weighting.weigh(c) for c in confidence.tolist()]
    assert not weighting.unit or ((weights >= 0) & (weights <= 1)).all()
    assert weighting.signed or (weights >= 0).all()


def test_every_weighting_has_the_name_that_a_configuration_gives_it():
    assert all(kind.name == name for name, kind in WEIGHTINGS.items())


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Softmax(0.0), "temperature > 0, got 0"),
        (lambda: LogOdds(1.0), r"prior in \(0, 1\) or null, got 1"),
        (lambda: LogOdds(clip=0.5), r"clip in \(0, 0.5\), got 0.5"),
        (lambda: SoftCount(scale=0.0), "scale > 0, got 0"),
    ],
)
def test_options_out_of_range_are_refused_with_the_number_given(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
