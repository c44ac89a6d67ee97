"""The table: every strategy against the reference, numbers that match an independent replay."""

from __future__ import annotations

import pytest

from evals.comparison.difference import Difference
from evals.comparison.settings import Settings
from evals.comparison.table import compare, merged_params
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG
from tests.evals.cases import REPLAYED, real

SMALL = Settings(budget=8, permutations=20, replicates=500)


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=60, samples=10, seed=3))


def test_the_table_holds_every_strategy_and_the_reference_against_itself(arrays):
    rows = {row.name: row for row in compare(arrays, REPLAYED, SMALL)}
    assert list(rows) == [m.name for m in REPLAYED]
    reference = rows["self_consistency"]
    same = Difference(0.0, (0.0, 0.0), 1.0, 1.0, 0, 1.0, (1.0, 1.0), 1.0, (1.0, 1.0), "reference")
    assert reference.difference == same
    assert rows["oracle"].point.accuracy >= max(row.point.accuracy for row in rows.values())
    assert rows["first_sample"].point.samples == 1.0
    for row in rows.values():
        assert row.point.accuracy_ci[0] <= row.point.accuracy <= row.point.accuracy_ci[1]
        assert row.difference.accuracy_diff == pytest.approx(row.point.accuracy - reference.point.accuracy)
        assert row.point.samples <= SMALL.budget
        assert row.efficiency[-1] == (8, row.point)
        ratio, (low, high) = row.difference.tokens_ratio, row.difference.tokens_ratio_ci
        assert ratio == pytest.approx(row.point.tokens / reference.point.tokens)
        assert low <= ratio <= high


def test_the_reference_is_added_where_it_was_not_named(arrays):
    assert [r.name for r in compare(arrays, [CATALOG["esc"]], SMALL)] == ["self_consistency", "esc"]


def test_strategies_are_paired_whoever_else_takes_part(arrays):
    alone = compare(arrays, [CATALOG["adaptive_consistency"]], SMALL)[1]
    together = {row.name: row for row in compare(arrays, REPLAYED, SMALL)}["adaptive_consistency"]
    assert (alone.point.accuracy, alone.point.samples) == (together.point.accuracy, together.point.samples)
    assert alone.point.accuracy_ci == pytest.approx(together.point.accuracy_ci)
    assert (alone.difference.accuracy_diff, alone.difference.p_value) == (
        together.difference.accuracy_diff,
        together.difference.p_value,
    )
    assert alone.difference.accuracy_diff_ci == pytest.approx(together.difference.accuracy_diff_ci)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "accuracy", "samples"),
    [
        ("self_consistency", 0.8802, 30.0),
        ("adaptive_consistency", 0.8795, 8.18),
        ("esc", 0.8795, 11.55),
    ],
)
def test_svamp_matches_an_independent_replay(strategy, accuracy, samples):
    arrays = PoolArrays.of(real("svamp_codex_pot30"))
    row = compare(arrays, [CATALOG[strategy]], Settings(budget=30, permutations=50, replicates=100))[-1]
    assert row.point.accuracy == pytest.approx(accuracy, abs=0.003)
    assert row.point.samples == pytest.approx(samples, abs=0.1)


def test_parameters_are_one_value_where_the_folds_agree_and_two_where_they_differ():
    method = CATALOG["esc"]
    assert merged_params(method, [{"window": 3}, {"window": 3}])["window"] == 3
    assert merged_params(method, [{"window": 3}, {"window": 4}])["window"] == [3, 4]
    assert merged_params(method, [{}, {}]) == dict(method.params)
