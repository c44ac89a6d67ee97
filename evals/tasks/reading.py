"""Readers of answers, for tasks whose answer is a number."""

from __future__ import annotations

from tts.answers.reading import read_hash_line, read_reply
from tts.prompts import Prompt
from tts.runtime.session import Extract
from tts.types import Problem


def extractor(reading: str, prompt: Prompt) -> Extract:
    """Return a function that reads the canonical number from a text, or None.

    Args:
        reading: "strict" reads the number after the last ``####``; "flexible" reads every mark, and the last number of
            a text without one.
        prompt: the prompt that the text follows; a model may go on with another question in its form.
    """
    lead = prompt.template.partition("{question}")[0].strip()

    def extract(problem: Problem, text: str) -> str | None:
        if reading == "strict":
            return read_hash_line(text, lead=lead).answer
        return read_reply(text, "number", guess=True, lead=lead).answer

    return extract
