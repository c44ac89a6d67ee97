"""The catalogue and composed strategies: every row builds, every grid is sane, every mistake gets its sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies import spec
from strategies.catalog import CATALOG, METHODS, method
from strategies.learn import gate_for_precision, reservation_value, standardisation
from strategies.stopping import Beta, Confident
from strategies.vote import Vote
from strategies.weighting import Softmax, Uniform
from tts.errors import InputError
from tts.strategy import Strategy

PUBLISHED = [
    "first_sample",
    "self_consistency",
    "best_of_n",
    "grace_sc",
    "grace_es",
    "grace_es_ltt",
    "cisc",
    "log_odds_vote",
    "adaptive_consistency",
    "adaptive_consistency_dirichlet",
    "esc",
    "cats_asc",
    "reasc",
    "cges",
    "ppr_1v1",
    "martingale_majority",
    "certified_self_consistency",
    "certified_weighted",
    "pandora",
    "deepconf_offline",
    "deepconf_online",
    "oracle",
    "random",
    "confidence_weighted_voting",
    "early_stopped_best_of_n",
    "confidence_gated_self_consistency",
    "confidence_pruned_voting",
    "confidence_pruned_cges",
    "cges_cost",
]


def test_the_catalogue_names_every_method_once():
    assert sorted(CATALOG) == sorted(PUBLISHED)
    assert len(METHODS) == len(CATALOG)


@pytest.mark.parametrize("row", METHODS, ids=lambda m: m.name)
@pytest.mark.parametrize("budget", [1, 2, 16])
def test_every_row_builds_at_every_budget_and_setting_of_its_grid(row, budget):
    for setting in row.grid(budget):
        built = row.build(budget, {**row.example, **setting})
        assert isinstance(built, Strategy)
        assert 1 <= built.budget <= budget
        assert built.name == row.name


@pytest.mark.parametrize("row", [m for m in METHODS if m.sweep], ids=lambda m: m.name)
def test_grids_have_no_doubles_and_hold_the_default(row):
    settings = [tuple(s.items()) for s in row.grid(16)]
    assert len(settings) == len(set(settings))
    for key, values in row.sweep.items():
        if key in row.params and not row.objective:
            assert row.params[key] in values


def test_an_unknown_strategy_is_refused_with_the_closest_name():
    with pytest.raises(InputError, match=r"unknown strategy 'grace_ec': allowed are .*; did you mean grace_"):
        method("grace_ec")


def test_a_composed_strategy_is_built_from_a_mapping():
    built = spec.vote(
        {
            "name": "mine",
            "weighting": {"name": "softmax", "temperature": 0.3},
            "stop": [{"name": "confident", "tau": 0.9}, "beta"],
            "budget": 8,
        },
        budget=16,
    )
    assert built == Vote("mine", 8, Softmax(0.3), (Confident(0.9), Beta(0.95)))
    assert spec.vote({"name": "mine", "prune": 0.1}, budget=5) == Vote("mine", 5, prune=0.1)
    assert spec.vote({"name": "plain"}, budget=5) == Vote("plain", 5, Uniform())


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"weighing": "linear"}, "unknown key of a composed strategy 'weighing': .*did you mean weighting"),
        ({"weighting": "linaer"}, "unknown weighting 'linaer': .*did you mean linear"),
        ({"weighting": {"name": "softmax", "temp": 1}}, "unknown option of weighting softmax 'temp': allowed are temp"),
        ({"weighting": {"name": "softmax", "temperature": "hot"}}, "needs a number for temperature, got 'hot'"),
        ({"stop": {"name": "unanimous", "window": 2.5}}, "needs a whole number for window, got 2.5"),
        ({"stop": []}, "must be a rule or a list of rules"),
        ({"stop": "sometimes"}, "unknown stopping rule 'sometimes'"),
        ({"budget": "many"}, "must be a whole number, got 'many'"),
        ({"stop": {"name": "beta", "level": True}}, "needs a number for level, got True"),
        ({"prune": "early"}, r"prune of a composed strategy must be a number in \[0, 1\] or null, got 'early'"),
        ({"prune": 1.5}, r"strategy composed needs prune in \[0, 1\] or null, got 1.5"),
        ({"prune": float("nan")}, "or null, got nan"),
    ],
)
def test_mistakes_in_a_composed_strategy_get_one_sentence(entry, sentence):
    with pytest.raises(InputError, match=sentence):
        spec.vote(entry, budget=4)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30), st.floats(0.001, 0.5))
def test_the_reservation_value_makes_one_more_draw_worth_its_cost(confidences, cost):
    c = np.array(confidences)
    v = reservation_value(c, cost)
    assert np.maximum(c - v, 0.0).mean() == pytest.approx(cost, abs=1e-9)


def test_the_gate_is_the_lowest_threshold_that_is_precise_enough():
    c = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.4])
    y = np.array([True, True, True, True, False, False])
    assert gate_for_precision(c, y, 0.9) == 0.6
    assert gate_for_precision(c, y, 0.8) == 0.5
    assert gate_for_precision(c, ~y, 0.9) == float("inf")
    tied = gate_for_precision(np.array([0.8, 0.8]), np.array([True, False]), 0.9)
    assert tied == float("inf"), "a tie is accepted whole or not at all"


def test_standardisation_of_a_constant_keeps_a_positive_scale():
    assert standardisation(np.full(5, 0.7)) == {"mean": pytest.approx(0.7), "scale": 1.0}
