"""A number with the decorations of an answer line: words in front, an aside behind, an equation, bold marks."""

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
_NUMBER = re.compile(NUMBER)
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
