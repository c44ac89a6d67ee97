"""The part of a given text that is judged: up to its final answer, and whether it holds anything but that answer.

What stands behind the answer is no part of the solution. A confidence token was never trained on it, and a sentence or
a control token there would change the confidence of a wrong answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tts.answers.reading import Mark, Reading
from tts.runtime.options import Extract
from tts.types import Problem

__all__ = ["AnswerText", "read_answer"]

_CLOSERS = re.compile(r"[ \t]*[*_`$)\]}>\"'\u201d\u2019]+")
_SENTENCE_END = re.compile(r"[.!?\u3002]+[*_`$)\]}\"'\u201d\u2019]*(?=\s|$)")
_PIECES = re.compile(r"[0-9]+|[^\W\d_]+|.", re.DOTALL)
_OPERATORS = re.compile(r"[0-9=+*/<>\u00d7\u00f7\u2212]|\s-\s|\n")
_FORMS = ("{}", "#### {}", "\\boxed{{{}}}")
_NEAR = 64
"""Lines at the end of a text of which each is tried as the one that ends the answer; further ones are bisected."""
_MOST_WORDS = 12
"""Words around an answer that hold no working."""
_ALONE: tuple[Mark, ...] = ("none", "####", "box", "alone")
"""Marks behind which nothing more is kept; of any other the sentence is kept."""
_GUESSES: tuple[Mark, ...] = ("last number", "last line")
"""Answers without a mark: the last line that repeats one is kept."""


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A given text and its answer.

    Attributes:
        text: the text up to its final answer.
        answer: the canonical answer.
        bare: True if the text holds nothing but the answer, so that there is no working to read.
    """

    text: str
    answer: str
    bare: bool


def read_answer(problem: Problem, text: str, extract: Extract) -> AnswerText | None:
    """Return the part of a text that ends with its final answer; None where no answer can be read.

    The text is cut behind the first place from which on the same answer is read by the same mark: behind the number of
    a ``####`` line or a box, behind the sentence of any other mark. A reader that names no mark is cut behind the first
    place from which on the same answer is read. A single line that no reader's mark fits, such as ``7`` where a
    ``####`` line is expected, is read as the answer by itself.

    Args:
        problem: the problem that the text answers.
        text: a whole reply, or an answer alone.
        extract: reads the canonical answer; one with a method ``read``, as
            :class:`evals.tasks.reading.Extractor`, names the mark too.
    """
    read = _reading(problem, extract)
    found = read(text)
    if found.answer is not None:
        shortest = _cut(text, found, read)
        return AnswerText(shortest, found.answer, _is_bare(shortest, found))
    line = text.strip()
    if "\n" not in line and len(line) <= 100:
        for form in _FORMS:
            if (answer := read(form.format(line)).answer) is not None:
                return AnswerText(line, answer, bare=True)
    return None


def _reading(problem: Problem, extract: Extract) -> Callable[[str], Reading]:
    marked = getattr(extract, "read", None)

    def read(text: str) -> Reading:
        if callable(marked):
            found = marked(problem, text)
            if isinstance(found, Reading):
                return found
        answer = extract(problem, text)
        return Reading(answer, "none", answer or "")

    return read


def _cut(text: str, found: Reading, read: Callable[[str], Reading]) -> str:
    """Return the shortest beginning of a text from which on it reads as it does."""

    def same(part: str) -> bool:
        other = read(part)
        return other.answer == found.answer and other.mark == found.mark

    lines = [match.span() for match in re.finditer(r"[^\n]*\S[^\n]*", text)]
    guessed = found.mark in _GUESSES

    def from_here(k: int) -> bool:
        start, end = lines[k + 1]
        return same(text[: lines[k][1]]) and not (guessed and read(text[start:end]).answer == found.answer)

    start, end = lines[_first(len(lines), from_here)]
    if found.mark in _ALONE:
        return text[: _behind_number(text, start, end, same)]
    return text[: _behind_sentence(text, start, end, same)]


def _first(count: int, same: Callable[[int], bool]) -> int:
    """Return the first line from which on the text reads the same, found from its end.

    Args:
        count: the number of lines.
        same: whether the text up to a line, which is not the last, reads as the whole text.
    """
    at = count - 1
    while at > 0 and count - at < _NEAR and same(at - 1):
        at -= 1
    if count - at < _NEAR:
        return at
    low, high = -1, at  # a long tail is bisected
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if same(middle) else (middle, high)
    return high


def _behind_number(text: str, start: int, end: int, same: Callable[[str], bool]) -> int:
    """Return the place behind the answer of a line, with the marks that close around it."""
    for match in _PIECES.finditer(text, start, end):
        at = match.end()
        if match[0].isspace() or _goes_on(text, at, end):
            continue
        if same(text[:at]):
            closing = _CLOSERS.match(text, at, end)
            return end if closing is None and at == end else closing.end() if closing else at
    return end


def _behind_sentence(text: str, start: int, end: int, same: Callable[[str], bool]) -> int:
    """Return the place behind the sentence of a line in which its answer stands."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text, start, end)]
    return next((at for at in ends if same(text[:at])), end)


def _goes_on(text: str, at: int, end: int) -> bool:
    """Return whether a number goes on behind this place."""
    return re.match(r"[.,:/'][0-9]|[0-9]", text[at:end][:2]) is not None


def _is_bare(text: str, found: Reading) -> bool:
    """Return whether a text is a single line that holds no working: few words, and no number but its answer."""
    line = text.strip()
    if found.mark == "alone":
        return True
    before, answer, behind = line.rpartition(found.text) if found.text else (line, "", "")
    if not answer:
        before, answer, behind = line.rpartition(found.answer or "")
    around = re.sub(r"[*_`$]+", " ", f"{before} {behind}")
    return "\n" not in line and not _OPERATORS.search(around) and len(around.split()) <= _MOST_WORDS
