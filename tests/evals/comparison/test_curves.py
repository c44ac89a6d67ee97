"""Curves: the exact estimators, worked by hand and against replays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.comparison.curves import curves
from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.replay.arrays import PoolArrays
from evals.replay.synthetic import synthetic_pool
from strategies.catalog import CATALOG
from tests.evals.cases import pool_of

SMALL = Settings(budget=8, permutations=20, replicates=500)


@pytest.fixture(scope="module")
def arrays():
    return PoolArrays.of(synthetic_pool(questions=60, samples=10, seed=3))


def test_adaptive_rules_with_small_budgets_agree_with_exact_curves(arrays):
    """maj@k by permutations estimates the exact curve, ties apart: at k = 3 ties go to the first seen, a fair pick."""
    exact = curves(arrays, 10)
    rows = compare(
        arrays,
        [CATALOG["self_consistency"], CATALOG["oracle"], CATALOG["best_of_n"]],
        replace(SMALL, permutations=2000),
    )
    for row, curve in zip(rows, ("maj", "pass", "best_of"), strict=True):
        for budget, point in row.efficiency:
            # 60 questions x 2,000 permutations; the standard error over permutations is below .0015.
            assert point.accuracy == pytest.approx(exact[curve][budget], abs=0.006), (curve, budget)


def test_curves_of_a_pool_worked_by_hand():
    # One question: right, right, wrong, unparsed.
    # maj@2 over the pairs RR, Rw (a tie), Rw, R-, R-, w-: (1 + .5 + .5 + 1 + 1 + 0) / 6.
    found = curves(PoolArrays.of(pool_of([("1", 0.2), ("1", 0.9), ("2", 0.5), (None, None)])), 2)
    assert found["maj"] == pytest.approx({1: 0.5, 2: 4 / 6})
    assert found["pass"] == pytest.approx({1: 0.5, 2: 5 / 6})
    assert found["best_of"] == pytest.approx({1: 0.5, 2: 4 / 6})
