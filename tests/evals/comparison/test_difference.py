"""Differences: a verdict is what the interval shows."""

from __future__ import annotations

import pytest

from evals.comparison.difference import most_differing, verdict


@pytest.mark.parametrize(
    ("interval", "word"),
    [((0.001, 0.01), "better"), ((-0.004, 0.01), "not worse"), ((-0.02, -0.001), "worse"), ((-0.02, 0.01), "open")],
)
def test_verdicts_say_what_the_interval_says(interval, word):
    assert verdict(*interval, margin=0.005, questions=100, differing=20) == word


def test_too_few_questions_or_too_few_that_differ_have_no_verdict():
    assert verdict(0.1, 0.3, 0.005, questions=29, differing=20) == "too few"
    assert verdict(0.0, 0.0, 0.005, questions=12, differing=0) == "too few"
    assert verdict(0.001, 0.01, 0.005, questions=1000, differing=5) == "too few"
    assert verdict(0.0, 0.0, 0.005, questions=1000, differing=0) == "not worse"


def test_few_questions_that_differ_bound_a_loss_by_the_rule_of_three():
    assert most_differing(0, 100) == pytest.approx(1 - 0.025 ** (1 / 100))
    assert most_differing(3, 3) == 1.0
    assert verdict(0.0, 0.0, 0.005, questions=150, differing=0) == "open"
    assert verdict(0.0, 0.0, 0.03, questions=150, differing=0) == "not worse"
    assert verdict(-0.001, 0.01, 0.005, questions=150, differing=6) == "not worse"
