"""Rows of the catalogue: defaults, overrides, grids from cautious to bold, and learned parameters."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.method import Method
from strategies.stopping import Confident
from strategies.vote import Vote
from tts.requirements import Requirements

ROW = Method(
    "mine",
    "test",
    "",
    lambda name, budget, p: Vote(name, budget, stop=(Confident(p["tau"]),)),
    params={"tau": 0.7},
    sweep={"tau": (0.9, 0.5), "budget": (1, 4, 16)},
)


def test_a_row_is_built_with_its_name_its_defaults_and_what_overrides_them():
    assert ROW.build(8) == Vote("mine", 8, stop=(Confident(0.7),))
    assert ROW.build(8, {"tau": 0.5}) == Vote("mine", 8, stop=(Confident(0.5),))
    assert ROW.build(8, {"budget": 4}).budget == 4
    assert ROW.build(2, {"budget": 4}).budget == 2, "a parameter never raises the budget"


def test_the_grid_holds_every_setting_within_the_budget_the_most_cautious_first():
    assert list(ROW.grid(8)) == [{"tau": tau, "budget": budget} for tau in (0.9, 0.5) for budget in (8, 4, 1)]
    assert list(Method("plain", "test", "", ROW.recipe).grid(8)) == [{}]


def test_a_row_that_learns_has_an_example_and_requires_what_its_strategy_reads():
    seen = []

    def learn(confidence, correct, params):
        seen.append((confidence, correct, params))
        return {"tau": float(confidence[correct].mean())}

    row = Method("mine", "test", "", ROW.recipe, params={"alpha": 0.1}, learn=learn)
    assert row.example == {"alpha": 0.1, "tau": pytest.approx(0.75)}
    assert isinstance(seen[0][0], np.ndarray) and seen[0][2] == {"alpha": 0.1}
    assert row.requires == Requirements(confidence=True, sequential=True)


def test_a_control_brings_its_confidences():
    assert Method("control", "test", "", ROW.recipe, {"tau": 0.5}, scores="oracle").requires == Requirements(
        sequential=True
    )
