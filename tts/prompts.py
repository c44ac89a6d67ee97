"""From a problem to what the model reads: a template, worked examples before it, and chat messages where wanted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tts.errors import InputError
from tts.types import Problem

SEPARATOR = "\n\n"
"""The text between the parts of a prompt."""
BUNDLED_TEMPLATE = "{question}\n"
"""The template of the bundled models, which were trained on it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt template.

    Attributes:
        template: text around ``{question}``, such as "Question: {question} Answer:".
        shots: worked examples before it, (question, answer) each; an answer follows its filled-in template as it is.
        separator: what stands between examples.
        system: the system message of a chat, or text before everything else; empty for none.
        chat: whether to hand the engine chat messages, which need a chat template, instead of text.
    """

    template: str = BUNDLED_TEMPLATE
    shots: tuple[tuple[str, str], ...] = ()
    separator: str = SEPARATOR
    system: str = ""
    chat: bool = False

    def __post_init__(self) -> None:
        """Refuse a template that would not show the question."""
        if "{question}" not in self.template:
            raise InputError(f"a prompt template must hold {{question}}, got {self.template!r}")

    def filled(self, question: str) -> str:
        """The template around a question."""
        return self.template.replace("{question}", question)

    def text(self, problem: Problem) -> str:
        """The whole prompt as text."""
        shots = (self.filled(question) + answer for question, answer in self.shots)
        head = (self.system,) if self.system else ()
        return self.separator.join((*head, *shots, self.filled(problem.question)))

    def messages(self, problem: Problem, *, fold_system: bool = False) -> list[Mapping[str, str]]:
        """The whole prompt as chat messages, each with a role and a content.

        Args:
            problem: the problem.
            fold_system: whether the system text opens the first turn of the user, for templates without a system role.
        """
        head = [{"role": "system", "content": self.system}] if self.system else []
        for question, answer in self.shots:
            head += [{"role": "user", "content": self.filled(question)}, {"role": "assistant", "content": answer}]
        found = [*head, {"role": "user", "content": self.filled(problem.question)}]
        return folded(found, self.separator) if fold_system else [*found]


CHAT = "chat: "
"""The words before chat messages in the text of a recorded prompt."""


def recorded_prompt(text: str) -> Prompt:
    """Return the prompt that a pool records as a text around ``{question}``, or as chat messages.

    Args:
        text: the template of :class:`~tts.pool.runs.RunKey`.

    Raises:
        InputError: it does not show where the question goes.
    """
    if not text.startswith(CHAT):
        return Prompt(template=text)
    messages = json.loads(text.removeprefix(CHAT))
    system = messages.pop(0)["content"] if messages[0]["role"] == "system" else ""
    template = messages.pop()["content"]
    head, _, tail = template.partition("{question}")
    asked = [message["content"][len(head) :] for message in messages[::2]]
    questions = (text[: len(text) - len(tail)] for text in asked)
    shots = tuple(zip(questions, (message["content"] for message in messages[1::2]), strict=True))
    return Prompt(template=template, system=system, shots=shots, chat=True)


def folded(messages: Sequence[Mapping[str, str]], separator: str = SEPARATOR) -> list[Mapping[str, str]]:
    """Return chat messages with the system's text at the start of the first turn of the user.

    Args:
        messages: a system message, if any, comes first.
        separator: what stands between the two texts.
    """
    if len(messages) < 2 or messages[0]["role"] != "system":
        return [*messages]
    system, first, *rest = messages
    return [{**first, "content": separator.join((system["content"], first["content"]))}, *rest]
