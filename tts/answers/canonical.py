r"""One spelling per answer: two answers with the same canonical text are the same vote.

Text in, text out; what is equal only by mathematics (``(x+1)^2`` and ``x^2+2x+1``) is `tts.answers.math`'s business.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable

from tts.answers.choice import extract_choice
from tts.answers.clock import clock
from tts.answers.numbers import canonical_number
from tts.errors import InputError

MAX_CHARS = 2000  # a longer text is no answer

_SPACE = re.compile(r"\s+")
_TEXT_EDGE = " \t\r\n*_`\"'\u201c\u201d\u2018\u2019$"
_MATH_DROP = re.compile(
    r"(?<!\\)(?:\\(?:left|right)(?![A-Za-z])\.?|\\[!,;:()\[\]]|\^\s*\{?\s*\\circ\s*\}?|\\degree(?![A-Za-z])|\\?\$)|°"
)
_MATH_REPLACE = [
    (re.compile(r"(?<!\\)\\ |~"), " "),
    (re.compile(r"\\[dtc]frac(?![A-Za-z])"), r"\\frac"),
    (re.compile(r"\\frac\s*([0-9])\s*([0-9])"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\sqrt\s*([0-9])"), r"\\sqrt{\1}"),
    (re.compile(r"^\s*\\(?:text|textrm|textbf|mathrm|mbox)\s*\{([^{}]*)\}\s*$"), r"\1"),
]


def canonical(answer: str, kind: str = "auto") -> str | None:
    r"""The canonical text of ``answer`` read as ``kind``, or None where it is empty or not of that kind.

    A fixed point for every kind: canonical(canonical(a, k), k) == canonical(a, k).

    Args:
        answer: a bare answer, at most 2,000 characters; a longer one is None.
        kind: "number" (`canonical_number`), "choice" (one letter A to Z), "text" (NFC, white space collapsed, markdown,
            quotes and the final period dropped, case folded except in LaTeX), "math" (a number, else LaTeX without
            ``$``, ``\left``, ``\right``, spacing, degree marks and the final period, ``\dfrac`` as ``\frac``) or "auto"
            (a number, else text). "math" and "auto" spell a time of day by `clock`.

    Raises:
        InputError: ``kind`` is none of these.
    """
    if kind not in _KINDS:
        raise InputError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    return _KINDS[kind](answer) if len(answer) <= MAX_CHARS else None


def _auto(answer: str) -> str | None:
    return clock(answer) or canonical_number(answer) or _number_or_itself(_text(answer))


def _math(answer: str) -> str | None:
    return clock(answer) or canonical_number(answer) or _number_or_itself(_fixed_point(_math_once, answer))


def _choice(answer: str) -> str | None:
    return extract_choice(answer, string.ascii_uppercase)


def _text(answer: str) -> str | None:
    return _fixed_point(_text_once, answer)


def _number_or_itself(text: str | None) -> str | None:
    return None if text is None else clock(text) or canonical_number(text) or text


def _fixed_point(step: Callable[[str], str], text: str) -> str | None:
    """``step`` repeated until it changes nothing; None where nothing is left."""
    while (after := step(text)) != text:
        text = after
    return text or None


def _text_once(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    text = text if "\\" in text else text.casefold()  # \Delta is not \delta
    return _without_period(_SPACE.sub(" ", text.strip(_TEXT_EDGE)))


def _math_once(text: str) -> str:
    text = _MATH_DROP.sub("", text.strip("*` \t\r\n"))
    for pattern, replacement in _MATH_REPLACE:
        text = pattern.sub(replacement, text)
    return _without_period(_SPACE.sub(_needed_space, text.strip()))


def _needed_space(match: re.Match[str]) -> str:
    r"""A space where dropping it would join two words, two numbers or a command and its argument (``\pi r``)."""
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    joins = (before.isalpha() and after.isalpha()) or (before.isdigit() and after.isdigit())
    return " " if joins else ""


def _without_period(text: str) -> str:
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text


_KINDS: dict[str, Callable[[str], str | None]] = {
    "auto": _auto,
    "number": canonical_number,
    "choice": _choice,
    "math": _math,
    "text": _text,
}
KINDS = tuple(_KINDS)
"""The kinds of answer, in the order in which every message lists them."""
