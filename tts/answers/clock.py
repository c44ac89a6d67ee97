"""Times of day: one spelling each, so that a morning is no evening and a time no number with a unit."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_SPACES = re.compile(r"(?:\\[,;:! ]|~|\\q?quad|\s)+")
_TIME = re.compile(
    r"(?:at )?(?:"
    r"(?P<hour>[0-9]{1,2})(?:[:.h](?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?)? ?(?P<half>[ap])\.? ?m\.?"
    r"|(?P<hour24>[0-9]{1,2}):(?P<minute24>[0-5][0-9])(?::(?P<second24>[0-5][0-9]))?(?: ?(?:h|o'clock))?"
    r"|(?:12(?::00)? ?)?(?P<word>noon|midnight))"
)
_MAX_CHARS = 60


def clock(text: str) -> str | None:
    r"""Return the one spelling of a time of day, or None where a text is none.

    "7:30 p.m.", "7:30PM" and "19:30" are "7:30 pm"; "07:30" is "7:30 am". A time such as "7:30" or "11:15", which may
    be of either half of the day, keeps its spelling and equals neither.

    Args:
        text: a bare answer, with or without LaTeX's ``\text``.
    """
    if len(text) > _MAX_CHARS:
        return None
    match = _TIME.fullmatch(_SPACES.sub(" ", _MARKUP.sub(r" \1 ", text)).strip(" $*`").lower())
    if match is None:
        return None
    if match["word"] is not None:
        return "12:00 pm" if match["word"] == "noon" else "12:00 am"
    hour, half = int(match["hour"] or match["hour24"]), match["half"]
    rest = ":".join(part for part in (match["minute"] or match["minute24"] or "00", _seconds(match)) if part)
    if half is not None:
        return f"{hour}:{rest} {half}m" if 1 <= hour <= 12 else None
    if hour > 23:
        return None
    if 10 <= hour <= 12 or (hour > 0 and len(match["hour24"]) == 1):
        return f"{hour}:{rest}"
    return f"{(hour - 1) % 12 + 1}:{rest} {'pm' if hour >= 12 else 'am'}"


def _seconds(match: re.Match[str]) -> str | None:
    seconds: str | None = match["second"] or match["second24"]
    return None if seconds == "00" else seconds
