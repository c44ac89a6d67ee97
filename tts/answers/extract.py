r"""From a whole generation to its final answer, in the way each benchmark asks for it.

Every function returns a canonical string or None; None never votes, so nothing here guesses unless asked to.
"""

from __future__ import annotations

import re

from tts.answers.canonical import canonical
from tts.answers.choice import extract_choice
from tts.answers.numbers import NUMBER, canonical_number

__all__ = ["extract_boxed", "extract_choice", "extract_gsm8k"]

_GSM8K_LINE = re.compile(r"(?<!#)####(?!#)([^\n]*)")
_NUMBER_IN_TEXT = re.compile(rf"(?:(?<![\w)\]}}.])[-\u2212\u2013])?\\?[$€£¥₹]?(?<![\w.]){NUMBER}")
_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])[ \t]*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped character is skipped as a whole
_BARE_BOX = re.compile(r"[^\s$]+")


def extract_gsm8k(text: str, *, flexible: bool = False) -> str | None:
    """The number after the last ``####`` of ``text``, as `canonical_number` spells it.

    The format of the GSM8K gold solutions (Cobbe et al., 2021, arXiv:2110.14168). Strict: the rest of that line must be
    one number, with its unit or currency if it has one; an earlier ``####`` line is not used instead.

    Args:
        text: a whole generation.
        flexible: where ``text`` has no ``####`` at all, take the last number in it instead. Customary ("flexible
            extract" of lm-evaluation-harness), and a guess: a truncated generation then votes for some step.

    Returns:
        The number, or None.
    """
    lines = _GSM8K_LINE.findall(text)
    if lines:
        return canonical_number(lines[-1])
    if not flexible:
        return None
    numbers = [match[0] for match in _NUMBER_IN_TEXT.finditer(text)]
    return canonical_number(numbers[-1]) if numbers else None


def extract_boxed(text: str) -> str | None:
    r"""The content of the last ``\boxed{...}`` or ``\fbox{...}`` of ``text``, as ``canonical(..., "math")`` spells it.

    The format of the MATH solutions (Hendrycks et al., 2021, arXiv:2103.03874). Braces are balanced, escaped ones not
    counted; "\boxed 5" without braces takes what follows up to a space or ``$``.

    Args:
        text: a whole generation.

    Returns:
        The answer, or None where there is no box, or the last one is empty or cut off: an earlier box is then not used.
    """
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    last = boxes[-1]
    if text[last.end() : last.end() + 1] == "{":
        content = _balanced(text, last.end())
    else:
        bare = _BARE_BOX.match(text, last.end())
        content = bare[0] if bare else None
    return None if content is None else canonical(content, "math")


def _balanced(text: str, start: int) -> str | None:
    """Return the text that the brace at ``start`` encloses, or None if the brace is never closed."""
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return text[start + 1 : brace.start()]
    return None
