"""Checks of what callers give beside a question: answers and numbers of draws."""

from __future__ import annotations

from tts.errors import InputError


def check_answer(answer: object) -> str:
    """Return an answer or a text; an empty one holds no answer.

    Raises:
        InputError: it is no text, or holds half of a character (a lone surrogate).
    """
    if not isinstance(answer, str):
        raise InputError(f"an answer must be text, got {type(answer).__name__}: give one answer as a str")
    try:
        answer.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("the answer holds half of a character (a lone surrogate): give valid Unicode text") from None
    return answer


def check_draws(draws: object, *, least: int) -> int:
    """Return a number of draws.

    Raises:
        InputError: it is no whole number of at least ``least``.
    """
    if type(draws) is not int or draws < least:
        raise InputError(f"draws must be a whole number of at least {least}, got {draws!r:.80}")
    return draws
