"""Equality of two numbers, of which one may be a rounded decimal."""

from __future__ import annotations

from fractions import Fraction

_PLACES, _SIGNIFICANT = 6, 5
"""Decimal places, and digits from the first one that is not 0, from which on a decimal may be rounded."""


def numbers_equal(a: str, b: str) -> bool:
    """Return whether two canonical numbers are equal, or one is the other one rounded.

    Args:
        a: as `canonical_number` spells it.
        b: likewise.
    """
    if a == b:
        return True
    rounded = [text for text in (a, b) if is_rounded(text)]
    if not rounded:
        return False
    shortest = min(rounded, key=lambda text: len(text.partition(".")[2]))
    return abs(Fraction(a) - Fraction(b)) < Fraction(1, 10 ** len(shortest.partition(".")[2]))


def is_rounded(text: str) -> bool:
    """Return whether a text is a decimal that may be rounded."""
    whole, _, places = text.lstrip("-").partition(".")
    digits = whole + places
    return digits.isdigit() and len(places) >= _PLACES and len(digits.lstrip("0")) >= _SIGNIFICANT
