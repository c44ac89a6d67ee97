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


def once(notify: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on each sentence the first time that it gets it."""
    said: set[str] = set()

    def say(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            notify(sentence)

    return say
