"""A number is read through the decorations of an answer line."""

from __future__ import annotations

import random

import pytest

from tts.answers.decorated import NUMBER_IN_TEXT, decorated_number, last_number, leading_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9 (apples)", "9"),
        ("Answer: 9", "9"),
        ("The final answer is: **9**.", "9"),
        ("9 * 2 = 18", "18"),
        ("x = 18 [eggs]", "18"),
        ("\\boxed{7}", "7"),
        ("**$18.00** per day", "18"),
        ("7 or 8", None),
        ("\\boxed{x}", None),
        ("x", None),
    ],
)
def test_a_short_text_is_a_number_decorations_aside(text: str, number: str | None) -> None:
    assert decorated_number(text) == number


@pytest.mark.parametrize(
    ("phrase", "number"),
    [("3/4 of the 8", "0.75"), ("$5 each", "5"), ("7 or 8", None), ("2, 3", None), ("about 5", None)],
)
def test_a_phrase_begins_with_its_number_unless_another_is_joined(phrase: str, number: str | None) -> None:
    assert leading_number(phrase) == number


def test_the_last_number_is_the_last_match_of_the_whole_text() -> None:
    rng = random.Random(0)
    spaces = [one for one in map(chr, range(0x3001)) if one.isspace()]
    pieces = [
        *"0123456789.,/-+e^x*_$)( ",
        *spaces,
        "\u00d7",
        "\u2212",
        "\u20ac",
        "\\frac",
        "{2}",
        "\\times",
        "10^{3}",
        "so",
    ]
    for _ in range(4000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 24)))
        found = [match[0] for match in NUMBER_IN_TEXT.finditer(text)]
        assert last_number(text) == (found[-1] if found else None)
