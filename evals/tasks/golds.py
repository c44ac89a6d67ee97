"""Gold answers in the spelling of their kind, and the kind that the gold answers of a file have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from evals.tasks.rows import Question
from tts.answers import canonical, extract_boxed, extract_gsm8k
from tts.answers.decorated import decorated_number
from tts.answers.open_answers import normalise_open
from tts.answers.reading import Kind
from tts.errors import InputError

MOSTLY = 0.9
"""The share of numbers from which on other golds of the file are bad lines."""
_FORMULA = re.compile(r"\\[a-zA-Z(\[{}]|[\^=]|\$.+\$|^\s*[(\[].*,.*[)\]]\s*$|\d\s*[a-z]\b|\d/\d|^[a-z][+-]?\d*$")


def kind_of(questions: Sequence[Question]) -> Kind:
    """Return the kind of answers that gold answers have: that of most of them.

    Args:
        questions: the questions of a file; without gold answers, the kind is "number".
    """
    if any(question.choices is not None for question in questions):
        return "choice"
    golds = [str(gold) for question in questions for gold in question.golds]
    if not golds or any("####" in gold for gold in golds):
        return "number"
    others = [gold for gold, q in ((str(g), q) for q in questions for g in q.golds) if decorated_number(gold) is None]
    if len(others) <= (1 - MOSTLY) * len(golds):
        return "number"
    return "math" if sum(bool(_FORMULA.search(gold)) for gold in others) * 2 > len(others) else "text"


def read_golds(question: Question, kind: Kind, *, normalised: bool = False) -> tuple[str, ...]:
    """Return the gold answers of a question in the spelling of their kind, without repetition.

    Args:
        question: the question.
        kind: the kind of its answers.
        normalised: whether open answers lose articles and punctuation.

    Raises:
        InputError: a gold answer is not of the kind; the sentence opens with its line.
    """
    read = [_read(question, gold, kind, normalised) for gold in question.golds]
    if normalised and any(read):
        read = [one for one in read if one is not None]  # an alias of punctuation alone
    for gold, one in zip(question.golds, read, strict=False):
        if one is None:
            raise InputError(f"{question.where}: {_refusal(question, gold, kind)}")
    return tuple(dict.fromkeys(one for one in read if one is not None))


def _read(question: Question, gold: Any, kind: Kind, normalised: bool) -> str | None:
    if kind == "choice":
        return None if question.choices is None else question.choices.letter(gold)
    if isinstance(gold, bool) and kind == "text":
        return str(gold).lower()
    if isinstance(gold, bool) or not isinstance(gold, str | int | float):
        return None
    text = str(gold)
    if kind == "number":
        return extract_gsm8k(text) if "####" in text else decorated_number(text)
    if "####" in text:
        text = text.rpartition("####")[2]
    if kind == "math":
        return extract_boxed(text) if "\\boxed" in text or "\\fbox" in text else canonical(text, "math")
    return normalise_open(text) if normalised else canonical(text, "text")


def _refusal(question: Question, gold: Any, kind: Kind) -> str:
    shown = repr(gold) if len(repr(gold)) <= 60 else f"{gold!r:.30}...{repr(gold)[-25:]}"
    if kind == "choice":
        return f"its answer {shown} is no letter, index or text of one of its choices"
    if kind == "number":
        return (
            f'no number can be read from its answer {shown}; expected "#### 18" at its end, or set task.answers=text '
            "or math"
        )
    return f"no answer of kind {kind} can be read from {shown}"
