"""Rows that stop early: where each stops, and parameters that are learned."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.catalog import method
from strategies.catalog.early_stopping import METHODS
from tests.strategies.cases import play

SURE = [("1", 0.999)] * 16


@pytest.mark.parametrize(
    ("name", "draws"),
    [
        ("early_stopped_best_of_n", 1),
        ("grace_es", 1),
        ("confidence_gated_self_consistency", 1),
        ("adaptive_consistency", 4),
        ("adaptive_consistency_dirichlet", 4),
        ("esc", 5),
        ("cats_asc", 2),
        ("cges", 1),
        ("cges_cost", 1),
        ("grace_es_ltt", 16),  # tau = 1 until a calibration certifies less
    ],
)
def test_sixteen_equal_and_sure_samples_stop_each_row_at_its_earliest_draw(name, draws):
    decision = play(method(name).build(16), SURE)
    assert (decision.answer, len(decision.samples)) == ("1", draws)


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.name)
def test_samples_that_never_agree_and_are_never_sure_spend_the_budget(row):
    decision = play(row.build(6, row.example), [(str(k), 0.01) for k in range(6)])
    assert (len(decision.samples), decision.reason) == (6, "budget")


def test_reasc_learns_its_gate_and_pandora_its_reservation_value_from_labelled_scores():
    confidence, correct = np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, False, True, True])
    reasc, pandora = method("reasc"), method("pandora")
    assert reasc.learn is not None and pandora.learn is not None
    assert reasc.learn(confidence, correct, reasc.params) == {
        "gate": 0.6,
        "mean": pytest.approx(0.5),
        "scale": pytest.approx(confidence.std()),
    }
    (value,) = pandora.learn(confidence, correct, {"cost": 0.05}).values()
    assert np.maximum(confidence - value, 0).mean() == pytest.approx(0.05)
