"""Words that may follow a number: a unit, which keeps the number, or a scale word, which multiplies it.

A short closed grammar, because anything it accepts is dropped before a vote: at most six words, none of which joins two
statements ("7 or eight"), computes ("5 pi") or is a lone variable ("3 x").
"""

from __future__ import annotations

import re

_WORD = r"[^\W\d_](?:[^\W\d_]|['\u2019])*\.?(?:\^\{?-?[1-9]\}?|[\u00b2\u00b3])?"
_UNIT = re.compile(rf"(?P<gap>\s*/\s*|\s*)(?P<words>{_WORD}(?:(?:\s+|\s*/\s*|[-\u00b7*]){_WORD}){{0,5}})")
_BETWEEN_WORDS = re.compile(r"[\s/\u00b7*-]+")
_POWER = re.compile(r"\.?(?:\^\{?-?[1-9]\}?|[\u00b2\u00b3])?$")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SCALES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ONE_LETTER = frozenset("mgshlLCFKNJWV")
_TWO_LETTERS = _words("km cm mm nm kg mg ml dl cl ft yd mi in hr oz lb pt qt gb mb kb kw hz kj pm am us rs sq cu")
_ATTACHED = _TWO_LETTERS | _words(  # 5km
    "hrs min mins sec secs lbs mph kph kmh kwh rpm usd eur gbp cent cents dollar dollars percent degrees "
    "hour hours minute minutes second seconds day days year years mile miles foot feet inch inches meters"
)
_INSIDE = _words("a an of in on at by")  # short words that may follow the first word of a unit
_NO_UNIT = _words(
    "or and to plus minus times not but is are was were than with half pi sqrt root squared cubed mod infinity "
    "alpha beta gamma delta theta phi sigma lambda sin cos tan cot sec csc log exp "
    "one two three four five six seven eight nine ten"
) | frozenset(_SCALES)


def unit_scale(text: str, *, after_symbol: bool = False) -> int | None:
    """Return the factor of the words ``text`` after a number: 1 for a unit or no words, None if they are no unit.

    Args:
        text: everything after the digits, white space included: " km/h", " million dollars", "/hour", "kg".
        after_symbol: whether %, a degree mark or a currency stands between the digits and ``text``, so that a letter
            here cannot be a variable.

    Returns:
        1, a power of ten from 100 to 10^12, or None.
    """
    if not text.strip():
        return 1
    match = _UNIT.fullmatch(text.rstrip())
    if match is None:
        return None
    words = [_POWER.sub("", word) for word in _BETWEEN_WORDS.split(match["words"])]
    attached = not match["gap"] and not after_symbol
    if attached and words[0].lower() not in _ATTACHED:
        return None
    scale = _SCALES.get(words[0].lower(), 1)
    if scale > 1:
        words = words[1:]
    divided = "/" in match["gap"]  # 5/m divides by a variable, 5/hour is a price
    ok = all(_is_unit_word(word, first=i == 0, long=divided and i == 0) for i, word in enumerate(words))
    return scale if ok else None


def _is_unit_word(word: str, *, first: bool, long: bool) -> bool:
    """Return whether ``word`` can stand in a unit; ``long`` asks for three letters or more."""
    lower = word.lower().replace("'", "").replace("\u2019", "")
    if lower in _NO_UNIT or not lower.isalpha():
        return False
    if len(lower) > 2 or (not lower.isascii() and not _is_greek(lower[0])):
        return True
    return not long and (word in _ONE_LETTER or lower in _TWO_LETTERS or (not first and lower in _INSIDE))


def _is_greek(letter: str) -> bool:
    return "\u0370" <= letter <= "\u03ff"
