"""Readers of answers, for tasks whose answer is a number after ``####``."""

from __future__ import annotations

from tts.answers import extract_gsm8k
from tts.prompts import Prompt
from tts.runtime.session import Extract
from tts.types import Problem


def extractor(reading: str, prompt: Prompt) -> Extract:
    """Return a function that reads the canonical number from a text, or None.

    After worked examples a model may continue with another question; the text counts up to there.

    Args:
        reading: "strict" reads the number after the last ``####``; "flexible" takes the last number where there is
            no ``####``.
        prompt: the prompt that the text follows.
    """
    flexible = reading == "flexible"
    lead = prompt.template.partition("{question}")[0].strip()
    further = f"\n{lead}" if lead and not prompt.chat else None

    def extract(problem: Problem, text: str) -> str | None:
        own = text.partition(further)[0] if further is not None else text
        return extract_gsm8k(own, flexible=flexible)

    return extract
