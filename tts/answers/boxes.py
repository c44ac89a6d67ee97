r"""Boxes: the contents of ``\boxed{...}`` and ``\fbox{...}`` in a text, with balanced braces."""

from __future__ import annotations

import re

_BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])[ \t]*")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped character is skipped as a whole
_BARE_BOX = re.compile(r"[^\s$]+")


def last_box(text: str) -> tuple[bool, str | None]:
    r"""Return whether a text has a box, and the content of the last one; None if its brace is never closed.

    "\boxed 5" without braces takes what follows up to a space or ``$``.

    Args:
        text: a whole reply.
    """
    found = list(_BOX.finditer(text)) if "box" in text else []
    if not found:
        return False, None
    last = found[-1]
    if text[last.end() : last.end() + 1] == "{":
        return True, balanced(text, last.end())
    bare = _BARE_BOX.match(text, last.end())
    return True, bare[0] if bare else None


def balanced(text: str, start: int) -> str | None:
    """Return the text that the brace at ``start`` encloses, or None if the brace is never closed."""
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0 and brace[0] == "}":
            return text[start + 1 : brace.start()]
    return None
