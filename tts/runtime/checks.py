"""Checks of what callers hand to a runner."""

from __future__ import annotations

import inspect

from tts.errors import InputError
from tts.runtime.options import Extract
from tts.types import Problem


def check_problem(problem: object) -> None:
    """Refuse what is no problem.

    Raises:
        InputError: naming its type.
    """
    if not isinstance(problem, Problem):
        raise InputError(f"a problem must be a tts.Problem(id, question), got {type(problem).__name__} {problem!r}")


def check_extract(extract: Extract) -> None:
    """Refuse a reader of answers that cannot be called with a problem and a text.

    Raises:
        InputError: naming its parameters.
    """
    try:
        signature = inspect.signature(extract)
    except (TypeError, ValueError):  # a builtin without a signature
        return
    try:
        signature.bind(Problem("", ""), "")
    except TypeError:
        raise InputError(f"extract must take (problem, text) and return the answer, and takes {signature}") from None
