"""Numbers in a text, and one with the decorations of an answer line: words in front, an aside behind, bold marks."""

from __future__ import annotations

import re

from tts.answers.boxes import last_box
from tts.answers.numbers import NUMBER, canonical_number

_LEAD = re.compile(
    r"(?:(?:so|thus|therefore|hence)\b,?\s*)?(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result|total|solution)\b"
    r"[^\w\n$€£¥+-]{0,6}(?:(?:is|are|=|:)[^\w\n$€£¥+-]{0,6}){0,2}",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s*[(\[][^()\[\]\n]{0,80}[)\]]\s*\.?\s*$")
NUMBER_IN_TEXT = re.compile(rf"(?:(?<![\w)\]}}.])[-\u2212\u2013])?\\?[$€£¥₹]?(?<![\w.]){NUMBER}")
_IN_NUMBERS = (
    "0123456789.,/+-*^\\{}()$eEdtcfracimesod\u00d7\u2212\u2013\u20ac\u00a3\u00a5\u20b9"
    " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
)
"""Every character that a match of ``NUMBER_IN_TEXT`` may hold."""
_STRETCHES = 5
"""The stretches that are searched for the last number; the last of them is all that is left of the text."""
_GOES_ON = re.compile(r"\s*(?:or|and|to|,|/|[-+*x\u00d7])\s*[$\d]")


def plain(text: str) -> str:
    """Return a text without white space and bold marks around it."""
    return text.strip().strip("*_`").strip()


def decorated_number(text: str) -> str | None:
    """Return the number of a short text that is one, decorations aside ("Answer: 18", "9 (apples)", "9 * 2 = 18").

    Args:
        text: the text behind a mark, or a gold answer.
    """
    text = plain(text).replace("**", "")
    if (number := canonical_number(text)) is not None:
        return number
    found, content = last_box(text)
    if found:
        return None if content is None else canonical_number(content)
    text = plain(_ASIDE.sub("", _LEAD.sub("", text, count=1) if _LEAD.match(text) else text))
    if (number := canonical_number(text)) is not None:
        return number
    if "=" in text:
        return canonical_number(_ASIDE.sub("", text.rpartition("=")[2]))
    return None


def leading_number(text: str) -> str | None:
    """Return the number that a phrase begins with, unless another one is joined to it ("7 or 8").

    Args:
        text: a phrase behind "the answer is".
    """
    match = re.match(rf"(?:[$\u20ac\u00a3]\s*)?-?{NUMBER}", text)
    if match is None or _GOES_ON.match(text, match.end()):
        return None
    return canonical_number(match[0])


def last_number(text: str) -> str | None:
    """Return the last number in a text.

    No number crosses a character outside ``_IN_NUMBERS``, so the stretches between such characters are searched, the
    last ones first.

    Args:
        text: a whole reply.
    """
    end = len(text)
    for left in reversed(range(_STRETCHES)):
        digit = max(text.rfind(one, 0, end) for one in "0123456789")
        if digit < 0:
            return None
        start = len(text[:digit].rstrip(_IN_NUMBERS)) if left else 0
        numbers = [match[0] for match in NUMBER_IN_TEXT.finditer(text, start, end)]
        if numbers:
            return numbers[-1]
        end = start
    return None
