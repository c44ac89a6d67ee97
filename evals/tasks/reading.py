"""Readers of answers, one a kind of answer, and the reading that a run of a pool records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from evals.tasks.choices import LETTERS, Choices
from tts.answers.reading import KINDS, NOTHING, Kind, Reading, read_hash_line, read_reply
from tts.prompts import Prompt
from tts.types import Problem


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads the canonical answer from a text, or None.

    Attributes:
        read: reads it with the mark that it is read by.
    """

    read: Callable[[Problem, str], Reading]

    def __call__(self, problem: Problem, text: str) -> str | None:
        """Return the answer."""
        return self.read(problem, text).answer


def extractor(
    reading: str,
    prompt: Prompt,
    *,
    kind: Kind = "number",
    choices: Mapping[str, Choices] | None = None,
    normalise: Callable[[str], str | None] | None = None,
) -> Extractor:
    """Return the function that reads the canonical answer from a text, or None; see :func:`reader`."""
    return Extractor(reader(reading, prompt, kind=kind, choices=choices, normalise=normalise))


def reader(
    reading: str,
    prompt: Prompt,
    *,
    kind: Kind = "number",
    choices: Mapping[str, Choices] | None = None,
    normalise: Callable[[str], str | None] | None = None,
) -> Callable[[Problem, str], Reading]:
    """Return a function that reads the answer from a text, with the mark that it is read by.

    Args:
        reading: "strict" reads the marks of the kind alone (of numbers, the number after the last ``####``); "flexible"
            reads every mark, and the last number (of free text: the last line) of a text without one.
        prompt: the prompt that the text follows; a model may go on with another question in its form.
        kind: the kind of answer.
        choices: the options by the id of the problem, for the kind "choice".
        normalise: a further spelling of answers, for the kind "text".
    """
    lead = prompt.template.partition("{question}")[0].strip()
    options = choices or {}
    guess = reading == "flexible"

    def number(problem: Problem, text: str) -> Reading:
        if not guess:
            return read_hash_line(text, lead=lead)
        return read_reply(text, "number", guess=True, lead=lead)

    def choice(problem: Problem, text: str) -> Reading:
        mine = options.get(problem.id)
        letters = LETTERS[:10] if mine is None else mine.letters
        found = read_reply(text, "choice", choices=letters, lead=lead)
        if found.answer is None and mine is not None:
            spelled = read_reply(text, "text", guess=guess, lead=lead)
            letter = mine.of_answer(spelled.answer)
            return NOTHING if letter is None else replace(spelled, answer=letter)
        return found

    def other(problem: Problem, text: str) -> Reading:
        found = read_reply(text, kind, guess=guess, lead=lead)
        if normalise is None or found.answer is None:
            return found
        return replace(found, answer=normalise(found.answer))

    return {"number": number, "choice": choice}.get(kind, other)


@dataclass(frozen=True, slots=True)
class RecordedReading:
    """The way in which a run read its replies.

    Attributes:
        kind: the kind of answer.
        guess: whether the last number or line of a reply without a mark was taken.
    """

    kind: Kind
    guess: bool


def reading_of(reading: str) -> RecordedReading | None:
    """Return the way in which replies were read, from the words in which a run records it; None for no such words."""
    words = reading.partition(",")[0].split()
    kind = next((one for one in KINDS if one in words), "number" if len(words) == 1 else None)
    return None if kind is None else RecordedReading(kind, words[-1] == "flexible")
