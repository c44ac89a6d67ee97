"""Readers of answers, one a kind of answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evals.tasks.choices import LETTERS, Choices
from tts.answers.reading import Kind, read_hash_line, read_reply
from tts.prompts import Prompt
from tts.runtime.session import Extract
from tts.types import Problem


def extractor(
    reading: str,
    prompt: Prompt,
    *,
    kind: Kind = "number",
    choices: Mapping[str, Choices] | None = None,
    normalise: Callable[[str], str | None] | None = None,
) -> Extract:
    """Return a function that reads the canonical answer from a text, or None.

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

    def number(problem: Problem, text: str) -> str | None:
        if not guess:
            return read_hash_line(text, lead=lead).answer
        return read_reply(text, "number", guess=True, lead=lead).answer

    def choice(problem: Problem, text: str) -> str | None:
        mine = options.get(problem.id)
        letters = LETTERS[:10] if mine is None else mine.letters
        letter = read_reply(text, "choice", choices=letters, lead=lead).answer
        if letter is None and mine is not None:
            return mine.of_answer(read_reply(text, "text", guess=guess, lead=lead).answer)
        return letter

    def other(problem: Problem, text: str) -> str | None:
        answer = read_reply(text, kind, guess=guess, lead=lead).answer
        return normalise(answer) if normalise is not None and answer is not None else answer

    return {"number": number, "choice": choice}.get(kind, other)
