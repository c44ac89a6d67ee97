import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.answers import canonical_number
from tts.answers.numbers import MAX_CHARS

SPELLINGS = {
    "18": "18 | 18.00 | 18. | +18 | 018 | **18** | *18* | `18` | $18$ | $$18$$ | \\(18\\) | \\text{18} | 18 dollars.",
    "1234": "1,234 | 1,234.00 | $1,234 | 1\u2009234 | 1\u00a0234 | 1\u202f234 | 1{,}234 | 1,\\!234 | 1\\,234 | 1.234e3",
    "1234567.5": "1,234,567.5 | 1234567.50 | 1\u2009234\u2009567.5 | **$1,234,567.50 per year**",
    "5": "$5 | € 5 | £5 | ¥5 | ₹5 | USD 5 | 5 USD | US$5 | 5€ | \\$5 | \\$5.00 | $\\$5$ | 5 dollars | 5 US dollars",
    "-5": "- 5 | -5 | \u22125 | \u20135 | -$5 | $-5 | $ -5 | -\\$5 | -10/2 | -5 °C",
    "50": "50% | 50 % | 50\\% | $50\\%$ | 50 percent | 50%.",
    "0.75": "3/4 | \\frac{3}{4} | \\dfrac34 | \\tfrac{3}{4} | 3 / 4 | .75 | 75e-2 | \u00be | 3/4 cup | 6\u20448",
    "1.5": "1 1/2 | 1\\frac{1}{2} | 1 \\frac12 | 1\u00bd | 3/2 | 1 1/2 hours | 1 2/4",
    "-1.5": "-1 1/2 | -\\frac{3}{2} | \\frac{-3}{2} | -1\\frac12",
    "1/3": "1/3 | 2/6 | \\frac{1}{3} | \u2153",
    "1000": "1e3 | 1E+3 | 10e2 | 1 \\times 10^3 | 1 \u00d7 10^{3} | 1 thousand",
    "5000000": "5 million | $5 million | 5 million dollars | 5,000,000",
    "7": "7 km/h | 7 m^2 | 7 m\u00b2 | 7 m | 7km | 7° | 7^\\circ | 7^{\\circ} | 7/day | 7 o'clock | 7 miles per hour",
    "8": "8 \\text{ cm} | 8\\text{ cm}^2 | 8\\,\\mathrm{kg} | $8\\text{ apples}$ | 8 sq. ft. | 8cents",
    "0": "0 | -0 | 0.0 | 0/5 | -0.00",
}
NOT_ONE_NUMBER = """7 or 8|x+1|12,34|1/0|3x|3 x|5m|1,2345|1234,567|0,123|1 234|1,234 567|3/4/2020|1:30|18!|5\u00b2|5^2
|2^{10}|2\\pi|2 pi|5\\sqrt{2}|12_3|3.14159...|--5|-$-5|1 3/2|1 1/0|1.5 1/2|1e|e3|\\frac{1}{0}|\\frac{1}{}|2nd|five|5 - x
|5/x|5/m|5 apples and 3|5 or more|7 or eight|nan|inf|$|%|**|.|-|1_000|(5)|x = 5|5 \\text{ or } 7|5 and a half|1..5|1.2.3
|5 is the answer|3\u03c0|3 \u03c0"""
PATHOLOGICAL = ["9" * 10**6, "1," * 10**6, "1e999999999", "1e-999999999", "1e" + "9" * 900, "(" * 10**6, "1 " * 10**6]
PATHOLOGICAL += ["1e999" * 99, "-" * 10**6, "\\frac{" * 10**5, "9" * 999 + "e999", "1/" + "0" * 900, "$" * 999]
PATHOLOGICAL += ["1" + "\u2009" * 998 + "x", "1" + " a" * 499]


@pytest.mark.parametrize(("expected", "text"), [(k, t.strip()) for k, v in SPELLINGS.items() for t in v.split(" | ")])
def test_every_spelling_of_a_number_is_the_same_number(expected: str, text: str) -> None:
    assert canonical_number(text) == expected
    assert canonical_number(f"  {text}\n") == expected


@pytest.mark.parametrize("text", ["", " ", "\n", *(t.strip() for t in NOT_ONE_NUMBER.split("|"))])
def test_what_is_not_one_number_is_none(text: str) -> None:
    assert canonical_number(text) is None


@pytest.mark.parametrize("text", PATHOLOGICAL, ids=lambda text: text[:12])
def test_pathological_text_is_none_and_fast(text: str) -> None:
    start = time.perf_counter()
    assert canonical_number(text) is None
    assert time.perf_counter() - start < 0.5


def test_the_longest_numbers_are_exact() -> None:
    assert canonical_number("9" * MAX_CHARS) == "9" * MAX_CHARS
    assert canonical_number("9" * (MAX_CHARS + 1)) is None
    assert canonical_number("0.1") != canonical_number("0.1" + "0" * 400 + "1")


fractions = st.fractions(max_denominator=10**6) | st.integers(-(10**30), 10**30).map(Fraction)
pieces = [*"0123456789.,/-+$%eE \\{}*", "\\frac", "\u2212", "\u2009", " km", "\u00bd", "million", "1/2"]
alphabet = st.sampled_from(pieces)


@given(st.text() | st.lists(alphabet, max_size=12).map("".join))
def test_canonical_number_never_raises_and_is_idempotent(text: str) -> None:
    once = canonical_number(text)
    assert once is None or canonical_number(once) == once


@given(fractions)
def test_formatting_variants_of_one_fraction_agree(value: Fraction) -> None:
    sign, size = "-" if value < 0 else "", abs(value)
    top, bottom = size.numerator, size.denominator
    variants = [
        f"{sign}{top}/{bottom}",
        f"{sign}{3 * top}/{3 * bottom}",
        f"{sign}\\frac{{{top}}}{{{bottom}}}",
        f"\\dfrac{{{sign}{top}}}{{{bottom}}}",
        f"{sign}{top:,} / {bottom:,}",
        f"**{sign}${top}/{bottom}**.",
        f" ${sign}{top}/{bottom} dollars ",
        f"{sign}{top}/{bottom} km/h",
        f"{sign.replace(chr(45), chr(0x2212))}{top}/{bottom}",
    ]
    whole, rest = divmod(top, bottom)
    if rest:
        variants += [f"{sign}{whole} {rest}/{bottom}", f"{sign}{whole}\\frac{{{rest}}}{{{bottom}}}"]
    else:
        variants += [f"{sign}{whole:,}.00", f"{sign}{whole}e0", f"{sign}{whole:,}%".replace(",", "\u2009")]
    canonicals = {canonical_number(variant) for variant in variants}
    assert len(canonicals) == 1
    result = canonicals.pop()
    assert result is not None and Fraction(result) == value


@given(fractions, fractions)
def test_different_values_have_different_spellings(a: Fraction, b: Fraction) -> None:
    assert (canonical_number(str(a)) == canonical_number(str(b))) == (a == b)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_terminating_decimals_are_the_shortest(value: object) -> None:
    result = canonical_number(f"{value:f}")
    assert result is not None and Fraction(result) == Fraction(str(value))
    assert "/" not in result and ("." not in result or result[-1] != "0")
