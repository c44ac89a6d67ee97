"""Differences: a verdict is what the interval shows."""

from __future__ import annotations

import pytest

from evals.comparison.difference import verdict


@pytest.mark.parametrize(
    ("interval", "word"),
    [((0.001, 0.01), "better"), ((-0.004, 0.01), "not worse"), ((-0.02, -0.001), "worse"), ((-0.02, 0.01), "open")],
)
def test_verdicts_say_what_the_interval_says(interval, word):
    assert verdict(*interval, margin=0.005) == word
