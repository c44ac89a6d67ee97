"""Questions to a judge until a reply can be read, and the word of its verdict."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tts.answers.replies import final_text
from tts.engines.base import Request
from tts.engines.kinds import LiveEngine
from tts.scorers.metered import MeteredEngine
from tts.types import Problem

T = TypeVar("T")


async def ask_until_read(
    judge: LiveEngine, about: Problem, read: Callable[[str], T | None], attempts: int, engine: MeteredEngine
) -> tuple[T | None, str]:
    """Ask a judge until its reply can be read; return the reading, None if no attempt gave one, and the last reply.

    Args:
        judge: the judge's engine, whose prompt is the question alone.
        about: the filled prompt as a problem.
        read: returns the reading of a reply, or None.
        attempts: the most replies, >= 1.
        engine: charges the judge's tokens.

    Raises:
        EngineError: the judge fails.
    """
    reply = ""
    for attempt in range(attempts):
        reply = await engine.ask(judge, Request(about, 0, attempt=attempt))
        if (found := read(reply)) is not None:
            return found, reply
    return None, reply


def read_verdict(reply: str, marked: re.Pattern[str], bare: re.Pattern[str]) -> str | None:
    """Return the word of the last marked verdict of a reply in lower case, or the reply's only word; else None.

    Args:
        reply: what the judge wrote, thoughts included.
        marked: the pattern of a marked verdict, with the group ``word``.
        bare: the pattern of a whole reply, with the group ``word``.
    """
    said = final_text(reply).strip()
    found = [match["word"] for match in marked.finditer(said)]
    if not found and (alone := bare.fullmatch(said)):
        found = [alone["word"]]
    return found[-1].lower() if found else None
