"""Words after a number: a unit leaves it as it is, a scale word multiplies it, anything else is no unit."""

from __future__ import annotations

import pytest

from tts.answers.units import unit_scale


@pytest.mark.parametrize(
    ("text", "scale"),
    [("", 1), (" dollars", 1), ("km", 1), (" cups of flour", 1), (" thousand", 1000), (" million dollars", 10**6)],
)
def test_units_and_scale_words(text: str, scale: int) -> None:
    assert unit_scale(text) == scale


@pytest.mark.parametrize("text", [" + 3", " or 4", "x"])
def test_what_is_no_unit(text: str) -> None:
    assert unit_scale(text) is None
