"""Comparisons of a pool: inputs that cannot be compared are refused in one sentence."""

from __future__ import annotations

import pytest

from evals.comparison.settings import Settings
from evals.comparison.table import compare
from evals.replay.arrays import PoolArrays
from strategies.catalog import CATALOG
from tests.evals.cases import REPLAYED, pool_of
from tts.errors import InputError


def test_raw_scores_need_calibration_and_are_told_so():
    raw = PoolArrays.of(pool_of(*[[("1", 3.5), ("2", -1.0)]] * 8))
    with pytest.raises(InputError, match=r"span \[-1, 3.5\].*--calibrate platt"):
        compare(raw, REPLAYED, Settings(budget=2, permutations=5))
    assert len(compare(raw, [CATALOG["esc"]], Settings(budget=2, permutations=5))) == 2, "counting needs no scores"
    rows = compare(raw, [CATALOG["best_of_n"]], Settings(budget=2, permutations=5, calibrate="platt"))
    assert rows[1].point.accuracy == 1.0


def test_calibration_without_scores_is_refused():
    with pytest.raises(InputError, match="calibrate platt needs confidences and the pool has none"):
        compare(PoolArrays.of(pool_of(*[["1", "2"]] * 8)), REPLAYED[:2], Settings(budget=2, calibrate="platt"))


def test_too_few_questions_to_halve_are_refused():
    with pytest.raises(InputError, match="at least 4 questions, the pool has 2"):
        compare(PoolArrays.of(pool_of(*[[("1", 0.5), ("2", 0.5)]] * 2)), REPLAYED, Settings(budget=2, permutations=5))
