"""Parameters are short text."""

from __future__ import annotations

from evals.report.parameters import describe, describe_all
from strategies.stopping import Unanimous


def test_parameters_are_short_text() -> None:
    assert describe(0.123456) == "0.1235"
    assert describe([1, 2.0]) == "1 | 2"
    assert describe({"name": "beta", "level": 0.95}) == "beta(level=0.95)"
    assert describe((Unanimous(3),)).startswith("unanimous(")
    assert describe_all({"a": 1, "b": 0.5}) == "a=1, b=0.5"
