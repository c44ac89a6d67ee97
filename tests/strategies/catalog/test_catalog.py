"""The catalogue: every row builds, and every grid holds the default and no doubles."""

from __future__ import annotations

import pytest

from strategies.catalog import CATALOG, METHODS, method
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
    "perplexity_consistency",
    "rpc",
    "mass_certificate",
    "mass_gated",
    "distinct_best_first",
    "distinct_sampling",
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
