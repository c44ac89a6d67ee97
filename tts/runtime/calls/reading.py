"""The answer of a whole sample: its calls of tools, or what the reader of texts makes of its text."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tts.answers.tools.calls import CallReader
from tts.engines.base import Capabilities
from tts.runtime.options import Extract
from tts.types import End, Problem, Sample


def read_by(problem: Problem, extract: Extract, calls: CallReader | None) -> Callable[[Sample], str | None]:
    """Return the function that reads the answer of a whole sample.

    Args:
        problem: the question.
        extract: reads texts.
        calls: reads calls; without it, and where a sample was cut off, calls are no answer.
    """
    if calls is None:
        return lambda sample: None if sample.calls else extract(problem, sample.text)

    def read(sample: Sample) -> str | None:
        if sample.calls:
            return calls.read(sample.calls) if sample.end is End.STOP else None
        return calls.text(extract(problem, sample.text))

    return read


def call_reader(problem: Problem, capabilities: Capabilities, ignore: Collection[str] = ()) -> CallReader | None:
    """Return the reader of a problem's calls; None without tools, and for an engine that gives no calls.

    Args:
        problem: the question.
        capabilities: of the engine that draws.
        ignore: names of arguments that do not vote.

    Raises:
        InputError: a tool or a choice that cannot be used.
    """
    if not problem.tools:
        return None
    return CallReader(problem, ignore) if capabilities.calls else None
