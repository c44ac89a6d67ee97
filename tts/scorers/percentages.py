"""Percentages in the replies of models that are asked how sure they are."""

from __future__ import annotations

import math
import re

from tts.answers.replies import final_text

SHORT_CHARS = 40
"""The most characters of a reply that is a number with few words around it."""
_STATED = re.compile(
    r"(?:number|confidence|probability|likelihood|chance|score|likely|sure)\b[^\d\n]{0,40}?(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<percent>\d+(?:\.\d+)?)\s*(?:%|percent|/\s*100|out of 100)",
    re.IGNORECASE,
)


def percentage(reply: str) -> float | None:
    """The first number of a reply, such as "80", "80.5 %" or "80/100", where it lies in [0, 100]; else None."""
    found = re.search(r"[\w.+/-]*\d[\w./]*", reply)
    if found is None:
        return None
    try:
        number = float(found.group().rstrip(".").removesuffix("/100"))
    except ValueError:  # a fraction, a range, part of a word
        return None
    return number if 0 <= number <= 100 else None


def stated_percentage(reply: str) -> float | None:
    """Return the number from 0 to 100 that a whole reply states: a short reply's only one, or the last marked as such.

    The only number of a longer reply may be the answer that it is asked about. A short reply of a fraction such as 0.95
    is a probability.

    Args:
        reply: the reply to a further turn, thoughts included.
    """
    said = final_text(reply).strip()
    if len(numbers := re.findall(r"\d[\d.]*", said)) == 1 and len(said) <= SHORT_CHARS:
        number = percentage(said)
        fraction = number is not None and 0 < number < 1 and "." in numbers[0] and "%" not in said
        return number if number is None or not fraction else 100 * number
    stated = [match["number"] or match["percent"] for match in _STATED.finditer(said)]
    number = float(stated[-1]) if stated else math.nan
    return number if 0 <= number <= 100 else percentage(said) if len(said) <= 20 else None
