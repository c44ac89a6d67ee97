"""Rows of the table of samples: every field comes back, and numbers are plain Python ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from tests.pool.cases import graded
from tests.support.examples import examples
from tts.pool.rows import COLUMNS, from_row, to_row


@settings(max_examples=examples(60), deadline=None)
@given(graded())
def test_a_sample_comes_back_from_its_row(pair: Any) -> None:
    row = to_row(*pair)
    assert len(row) == len(COLUMNS)
    assert all(value is None or type(value) in (int, float, str, bytes, bool) for value in row)
    assert from_row(row) == pair
