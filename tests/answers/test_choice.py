"""The letter that a text picks: a strong statement wins, and options listed again are no answer."""

from __future__ import annotations

import pytest

from tts.answers.choice import extract_choice
from tts.errors import InputError


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (r"So \boxed{B}.", "B"),
        ("I think (A) at first, but the answer is (c).", "C"),
        ("B. Paris", "B"),
        ("A train leaves at noon.", None),
        ("A. Rome\nB. Paris", None),
        ("The answer is B or C.", None),
        ("", None),
    ],
)
def test_what_is_stated_last_and_clearly_counts(text: str, letter: str | None) -> None:
    assert extract_choice(text) == letter


def test_the_letter_comes_back_as_it_is_on_offer() -> None:
    assert extract_choice("The answer is B.", "abcd") == "b"
    assert extract_choice("The answer is E.", "ABCD") is None


@pytest.mark.parametrize("choices", ["", "AA", "aA", "A-B", "é"])
def test_choices_that_cannot_be_told_apart_are_refused(choices: str) -> None:
    with pytest.raises(InputError, match="distinct ASCII letters or digits"):
        extract_choice("A", choices)
