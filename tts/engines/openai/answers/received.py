"""Everything that has come in of one sample, beside its tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tts.engines.openai.answers.calls import CallCollector
from tts.engines.openai.answers.events import Choice


@dataclass(slots=True)
class Received:
    """The texts and calls of one sample, and the reported reason of its end.

    Attributes:
        texts: the pieces of its text.
        thoughts: the pieces of the model's reasoning.
        calls: its calls of tools.
        reason: the ``finish_reason``; None as long as there is none.
        stop: the stop string or token that the server met, where it tells it.
    """

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: CallCollector = field(default_factory=CallCollector)
    reason: str | None = None
    stop: Any = None

    def add(self, choice: Choice) -> None:
        """Take the texts and calls of a choice."""
        self.texts.append(choice.text)
        self.thoughts.append(choice.reasoning)
        for part in choice.calls:
            self.calls.add(part)

    def note_end(self, choice: Choice) -> None:
        """Take the reason of the end, if the choice has one."""
        if choice.reason is not None:
            self.reason, self.stop = choice.reason, choice.stop

    @property
    def whole(self) -> bool:
        """True if anything but tokens has come in."""
        return any(self.texts) or any(self.thoughts) or bool(self.calls.calls)
