r"""Numbers as people and models write them, reduced to one exact spelling per value.

Knows nothing about questions, strategies or LaTeX beyond ``\frac``, ``\$``, ``\%``, ``\text`` and spacing: a pure
function from text to text. Values are exact rationals (``fractions.Fraction``), never floats, so that 0.1 + 0.2 of two
spellings cannot split a vote.

    canonical_number("**$1,234.50 per day**")  ->  "1234.5"
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache

from tts.answers.repeating import repeating_decimal
from tts.answers.units import unit_scale

MAX_CHARS = 1000  # of the text that is read and of the spelling that is returned
MAX_EXPONENT = 1000  # of 1e3: bounds the work before any power of ten is computed

_THIN = "\u2009"  # every space that groups thousands is read as this one
_CHARACTERS = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\u2044": "/", "\u2215": "/", "\u00a0": _THIN, "\u202f": _THIN, "\u2007": _THIN}
)
_FULL_WIDTH = {
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(0x5E) if not chr(0x21 + i).isalnum()},
    "\u066b": ".",
    "\u066c": ",",
    "\u066a": "%",
    "\uffe5": "\u00a5",
    "\uffe1": "\u00a3",
}
_LATEX = [  # in this order
    (re.compile(r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\s+\^"), "^"),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree(?![A-Za-z])"), "°"),
    (re.compile(r"\\!|\\[()\[\]]"), ""),
    (re.compile(r"\\,"), _THIN),
    (re.compile(r"\\[;: ]|~"), " "),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"\{,\}"), ","),
]
_EDGE = "*_` \t\r\n" + _THIN
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e]")  # the one-character fractions, such as one half
_VULGAR_MAX_DENOMINATOR = 10

_U = rf"(?:(?:[1-9][0-9]{{0,2}}(?:(?:,[0-9]{{3}})+|(?:{_THIN}[0-9]{{3}})+)(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"

#: One unsigned number, with groups; `extract_gsm8k` searches for it in running text.
NUMBER = (
    r"(?:"
    r"(?:(?P<whole>[0-9]+)(?:\s+|(?=\\)))?"
    r"(?:\\[dtc]?frac\s*"
    rf"(?:\{{\s*(?P<latex_sign>[-+]?)\s*(?P<latex_top>{_U})\s*\}}|(?P<digit_top>[0-9]))\s*"
    rf"(?:\{{\s*(?P<latex_bottom>{_U})\s*\}}|(?P<digit_bottom>[0-9]))"
    rf"|(?P<top>{_U})\s*/\s*(?P<bottom>{_U}))"
    rf"|(?P<decimal>{_U})(?:[eE](?P<e>[-+]?[0-9]+)|\s*(?:\\times|\\cdot|[\u00d7*])\s*10\^\{{?(?P<ten>-?[0-9]+)\}}?)?"
    r")"
)
CURRENCY = r"(?:[$€£¥₹]|US\$|USD|EUR|GBP|JPY|INR|CNY|CAD|AUD|Rs\.?)"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ANSWER = re.compile(
    rf"(?P<sign>[-+]?)\s*(?:{CURRENCY}\s*)*(?P<inner>[-+]?)\s*{NUMBER}(?P<symbols>(?:\s*[%°$€£¥₹])*)(?P<unit>.*)",
    re.DOTALL,
)


def canonical_number(text: str) -> str | None:
    r"""The one spelling of the number that ``text`` is, or None where it is not exactly one number.

    Reads thousands separators in groups of three (comma, thin or no-break space, ``{,}``), a leading or trailing
    currency, fractions and mixed numbers ("3/4", "1 1/2", ``\frac12``), repeating decimals (``0.\overline{3}``,
    "0.(3)", "0.333..."), "1e3", "1.5 \times 10^3", a sign, trailing units ("km/h", "m^2", "dollars per day") and the
    scale words "hundred" to "trillion". A unit is dropped, and so is %: "50%" is "50", the convention of GSM8K. A
    letter right after the digits is a variable ("3x", "5m"): None.

    Args:
        text: an answer, at most 1,000 characters; a longer one is no number.

    Returns:
        "18" for an integer, the shortest decimal ("2.5") where one exists, else "numerator/denominator" in lowest terms
        ("-1/3"). At most 1,000 characters, else None. A fixed point: canonical_number of the result is the result.
    """
    text = text.strip()
    return _canonical(text) if text and len(text) <= MAX_CHARS else None


@lru_cache(maxsize=1 << 14)  # samples of one question repeat their answers
def _canonical(text: str) -> str | None:
    if (repeating := repeating_decimal(western_digits(text))) is not None:
        return _spell(repeating)
    match = _ANSWER.fullmatch(_plain(text))
    if match is None or (match["sign"] and match["inner"]):
        return None
    value = _value(match)
    scale = unit_scale(match["unit"], after_symbol=bool(match["symbols"]))
    if value is None or scale is None:
        return None
    negative = "-" in (match["sign"], match["inner"])
    spelling = _spell((-value if negative else value) * scale)
    return spelling if len(spelling) <= MAX_CHARS else None


def western_digits(text: str) -> str:
    """Return a text with the digits, points and signs of other scripts and of full width in ASCII."""
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(_western, text)


def _western(match: re.Match[str]) -> str:
    character = match[0]
    return str(unicodedata.decimal(character)) if character.isdecimal() else _FULL_WIDTH.get(character, character)


def _plain(text: str) -> str:
    """The text with one character per sign, slash and space, and without markup around it."""
    text = western_digits(text).translate(_CHARACTERS)
    for pattern, replacement in _LATEX:
        text = pattern.sub(replacement, text)
    text = _VULGAR.sub(_spelled_out, text).lstrip(_EDGE).rstrip(_EDGE + "$")
    if text.endswith(".") and not text.endswith(".."):
        text = text[:-1].rstrip(_EDGE + "$")
    return text


def _spelled_out(match: re.Match[str]) -> str:
    """A one-character fraction as " 1/2"."""
    value = Fraction(unicodedata.numeric(match[0])).limit_denominator(_VULGAR_MAX_DENOMINATOR)
    return f" {value.numerator}/{value.denominator}"


def _value(match: re.Match[str]) -> Fraction | None:
    """The unsigned value of a NUMBER match, or None for a zero denominator, a false mixed number or a huge exponent."""
    if match["decimal"] is not None:
        exponent = int(match["e"] or match["ten"] or 0)
        return _decimal(match["decimal"]) * Fraction(10) ** exponent if abs(exponent) <= MAX_EXPONENT else None
    top = _decimal(match["top"] or match["latex_top"] or match["digit_top"])
    bottom = _decimal(match["bottom"] or match["latex_bottom"] or match["digit_bottom"])
    if bottom == 0:
        return None
    part = -top / bottom if match["latex_sign"] == "-" else top / bottom
    if match["whole"] is None:
        return part
    proper = not match["latex_sign"] and top.denominator == bottom.denominator == 1 and part < 1
    return int(match["whole"]) + part if proper else None


def _decimal(digits: str) -> Fraction:
    """The value of "1,234.50", ".5" or "5."."""
    whole, _, fraction = digits.replace(",", "").replace(_THIN, "").partition(".")
    return Fraction(int(whole + fraction), 10 ** len(fraction))


def _spell(value: Fraction) -> str:
    """An integer, the shortest terminating decimal, or a fraction in lowest terms."""
    rest, places = value.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest, power = rest // prime, power + 1
        places = max(places, power)
    if rest > 1 or places > MAX_CHARS:
        return f"{value.numerator}/{value.denominator}"
    if places == 0:
        return str(value.numerator)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
