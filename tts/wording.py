"""Numbers in sentences, and texts with fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 question" and "2 questions"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def filled(template: str, fields: Mapping[str, str], guard: Callable[[str], str] = str) -> str:
    """Return a template with each ``{name}`` of a field replaced by its text, in one pass; other braces stay.

    Args:
        template: the text.
        fields: the texts by name; fields that they spell are not replaced again.
        guard: is applied to each field.
    """
    if not fields:
        return template
    names = "|".join(map(re.escape, fields))
    return re.sub(rf"\{{({names})\}}", lambda match: guard(fields[match[1]]), template)


_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    """Return a text of a model for a terminal: control characters and marks of direction are shown, not sent.

    Line feeds and tabs stay.
    """
    return _UNSEEN.sub(lambda mark: _picture(mark[0]), text.replace("\r\n", "\n"))


def escaped(json_text: str) -> str:
    """Return the same JSON with control characters and marks of direction as escapes, harmless on a terminal."""
    return _UNSEEN.sub(lambda mark: f"\\u{ord(mark[0]):04x}", json_text)


def _picture(mark: str) -> str:
    code = ord(mark)
    return "\u2421" if code == 0x7F else chr(0x2400 + code) if code < 0x20 else f"\u27e8U+{code:04X}\u27e9"


def once(notify: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on each sentence the first time that it gets it."""
    said: set[str] = set()

    def say(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            notify(sentence)

    return say
