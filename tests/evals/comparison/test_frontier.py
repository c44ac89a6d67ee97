"""Frontiers: every threshold swept, tuned settings chosen on the other half."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.comparison.frontier import frontiers
from evals.comparison.paired import Comparison
from evals.comparison.settings import Settings
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG
from tests.evals.cases import REPLAYED

SMALL = Settings(budget=8, permutations=20, replicates=500)


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=60, samples=10, seed=3))


@pytest.mark.slow
def test_frontiers_sweep_every_threshold_and_choose_on_the_other_half(arrays):
    comparison = Comparison.of(arrays, SMALL, REPLAYED, fitted=True)
    found = {f.name: f for f in frontiers(comparison, REPLAYED)}
    assert set(found) == {m.name for m in REPLAYED if m.sweep}
    adaptive = found["adaptive_consistency"]
    assert len(adaptive.sweep) == len(CATALOG["adaptive_consistency"].sweep["level"])
    samples = [setting.point.samples for setting in adaptive.sweep]
    assert samples == sorted(samples, reverse=True), "a bolder level never draws more"
    for frontier in found.values():
        for cap, tuned in frontier.within:
            assert tuned.target == f"max_samples <= {cap}"
        assert frontier.cheapest.difference.verdict in ("better", "not worse", "worse", "open")


def test_tuned_settings_are_scored_on_questions_that_did_not_choose_them(arrays):
    """Turn over the grades of one half: what the other half contributes to the tuned accuracy is unchanged."""
    comparison = Comparison.of(arrays, SMALL, REPLAYED, fitted=True)
    fold = comparison.folds[0]
    poisoned = arrays.class_correct.copy()
    poisoned[fold.scored] = ~poisoned[fold.scored]
    other = Comparison.of(replace(arrays, class_correct=poisoned), SMALL, REPLAYED, fitted=True)
    method = [CATALOG["esc"]]
    honest, turned = frontiers(comparison, method)[0].cheapest, frontiers(other, method)[0].cheapest

    def first(tuned):
        value = tuned.params["window"]
        return value[0] if isinstance(value, list) else value

    assert first(honest) == first(turned), "fold 0 chooses on the half that was left alone"
