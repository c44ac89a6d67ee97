"""Rows with a fixed number of samples, on draws small enough to vote by hand."""

from __future__ import annotations

import pytest

from strategies.catalog import method
from strategies.catalog.voting import METHODS
from tests.strategies.cases import play

DRAWS = [("1", 0.5), ("1", 0.4), ("2", 0.8), ("3", 0.99)]


@pytest.mark.parametrize(
    ("name", "params", "answer"),
    [
        ("first_sample", {}, "1"),
        ("self_consistency", {}, "1"),
        ("best_of_n", {}, "3"),
        ("grace_sc", {}, "3"),  # .9, .8 and .99
        ("cisc", {"temperature": 5.0}, "1"),
        ("cisc", {"temperature": 0.02}, "3"),
        ("log_odds_vote", {"prior": 0.5}, "3"),
        ("log_odds_vote", {"prior": 0.02}, "3"),
    ],
)
def test_rows_answer_as_their_definition(name, params, answer):
    decision = play(method(name).build(4, {**method(name).params, **params}), DRAWS)
    assert decision.answer == answer
    assert len(decision.samples) == (1 if name == "first_sample" else 4)


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.name)
def test_rows_of_this_family_never_stop_before_the_budget(row):
    assert play(row.build(4), DRAWS).reason == "budget"


def test_only_log_odds_votes_and_best_of_n_estimate_the_probability_of_being_right():
    estimated = {row.name for row in METHODS if play(row.build(4), DRAWS).p_correct is not None}
    assert estimated == {"best_of_n", "log_odds_vote"}
