r"""From a whole reply to its final answer, in the way each benchmark asks for it.

Every function returns a canonical text or None; None never votes, so nothing here guesses unless asked to.
"""

from __future__ import annotations

from tts.answers.boxes import last_box
from tts.answers.canonical import canonical
from tts.answers.choice import extract_choice
from tts.answers.reading import read_hash_line, read_reply
from tts.answers.replies import final_text

__all__ = ["extract_boxed", "extract_choice", "extract_gsm8k"]


def extract_gsm8k(text: str, *, flexible: bool = False) -> str | None:
    """Return the number that a reply to a GSM8K question answers, as `canonical_number` spells it.

    Strict: the number of the last line behind ``####``, with its unit, currency or a decoration if it has one; a
    Markdown heading is no such line, and an earlier line is not used instead of an unreadable last one.

    Args:
        text: a whole reply.
        flexible: read every mark, a box first, and without one the last number. The guess is customary ("flexible
            extract" of lm-evaluation-harness): a truncated reply then votes for some step.

    Returns:
        The number, or None.

    Source:
        Cobbe et al. 2021, arXiv 2110.14168.
    """
    return (read_reply(text, "number", guess=True) if flexible else read_hash_line(text)).answer


def extract_boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{...}`` or ``\fbox{...}``, as ``canonical(..., "math")`` spells it.

    Args:
        text: a whole reply.

    Returns:
        The answer, or None where there is no box, or the last one is empty or cut off: an earlier box is then not used.

    Source:
        Hendrycks et al. 2021, arXiv 2103.03874 (the format of the MATH solutions).
    """
    content = last_box(final_text(text))[1]
    return None if content is None else canonical(content, "math")
