"""Questions as a person or a program gives them: checked, and named so that the same one draws the same samples."""

from __future__ import annotations

import hashlib
import warnings

from tts.agent.unknown_words import listed, unknown_words
from tts.errors import InputError
from tts.types import Problem


class UnknownWordsWarning(UserWarning):
    """A question holds words that the model has no token for."""


def check_question(question: object) -> str:
    """Return the question.

    Raises:
        InputError: it is no text, empty, or holds half of a character (a lone surrogate).
    """
    if not isinstance(question, str):
        raise InputError(f"a question must be text, got {type(question).__name__}: give one question as a str")
    if not question.strip():
        raise InputError("a question must be text, got nothing")
    try:
        question.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("the question holds half of a character (a lone surrogate): give valid Unicode text") from None
    return question


def problem_of(question: object) -> Problem:
    """Return a question as a problem; the same text always has the same id, so that it draws the same samples.

    Args:
        question: a text, or a problem, which keeps its id.

    Raises:
        InputError: as :func:`check_question`.
    """
    if isinstance(question, Problem):
        check_question(question.question)
        return question
    text = check_question(question)
    return Problem(hashlib.sha256(text.encode()).hexdigest()[:12], text)


def warn_of_unknown_words(engine: object, model: str, question: str) -> None:
    """Warn, with their number, of words of a question that the model has no token for."""
    if words := unknown_words(engine, question):
        known = len(engine.encoder.tokenizer)  # type: ignore[attr-defined]
        warnings.warn(
            f"model {model} has {known} tokens, and none for {len(words)} words of this question ({listed(words)}): "
            "its answer means little; give model= a larger one",
            UnknownWordsWarning,
            stacklevel=3,
        )
