"""The summary of a pool: counts are exact, and a mean of nothing is None."""

from __future__ import annotations

import json

import pytest

from tests.pool.cases import small_pool
from tts.errors import InputError
from tts.pool import Pool, describe


def test_counts_and_accuracy_of_a_small_pool() -> None:
    found = describe(small_pool())
    assert (found["questions"], found["samples"], found["samples_min"], found["samples_max"]) == (2, 4, 1, 3)
    json.dumps(found, allow_nan=False)


def test_an_empty_pool_is_refused_with_one_sentence() -> None:
    with pytest.raises(InputError, match="holds no questions"):
        describe(Pool("none", "", ()))
