r"""Repeating decimals: ``0.\overline{3}``, ``0.(3)`` and ``0.333...`` are the fraction that they stand for."""

from __future__ import annotations

import re
from fractions import Fraction

_OVERLINE = re.compile(
    r"(?P<sign>[-+]?)(?P<whole>[0-9]{0,30})\.(?P<first>[0-9]{0,60})"
    r"(?:\\(?:overline|bar|dot)\s*(?:\{(?P<bar>[0-9]{1,60})\}|(?P<digit>[0-9]))|\((?P<round>[0-9]{1,60})\))"
    r"(?:\.\.\.|\\[lc]?dots|\u2026)?"
)
_DOTS = re.compile(
    r"(?P<sign>[-+]?)(?P<whole>[0-9]{0,30})\.(?P<digits>[0-9]{2,60})(?:\.{3,}|\\[lc]?dots\b|\\dotsc\b|\u2026)"
)
_MARKED = re.compile(r"(?:[0-9][\u0305\u0304\u0307])+")  # a combining line or dot above each digit
_EDGE = " \t\r\n$*`"


def repeating_decimal(text: str) -> Fraction | None:
    r"""Return the value of a repeating decimal, or None where a text is none.

    Dots repeat the block before them where it is there twice after at most one other digit ("0.1666...", "0.1212..."),
    or three times; of a block of three digits or more, where nothing else stands before it. "3.14159..." repeats
    nothing.

    Args:
        text: a bare answer.
    """
    text = text.strip(_EDGE).replace("\\!", "").replace("\\,", "").removesuffix("\\")
    text = _MARKED.sub(lambda match: f"({re.sub('[^0-9]', '', match[0])})", text)
    text = text.replace("\\dot{", "\\overline{") if text.count("\\dot{") == 1 else text
    match = _OVERLINE.fullmatch(text[:-1] if text.endswith(".") and not text.endswith("..") else text)
    if match is not None:
        block = match["bar"] or match["digit"] or match["round"]
        return _value(match["sign"], match["whole"], match["first"], block)
    match = _DOTS.fullmatch(text)
    if match is None:
        return None
    digits = match["digits"]
    for length in range(1, len(digits) // 2 + 1):
        block, count = digits[-length:], 1
        while digits[: len(digits) - count * length].endswith(block):
            count += 1
        before = digits[: len(digits) - count * length]
        if count >= 3 or (count == 2 and len(before) <= (1 if length <= 2 else 0)):
            return _value(match["sign"], match["whole"], before, block)
    return None


def _value(sign: str, whole: str, first: str, block: str) -> Fraction:
    value = Fraction(int(whole + first or "0"), 10 ** len(first))
    value += Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(first))
    return -value if sign == "-" else value
