"""From a problem to what the model reads: a template, worked examples before it, and chat messages where wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts.errors import InputError, first_line
from tts.types import Problem
from tts.types.messages import guarded

SEPARATOR = "\n\n"
"""The text between the parts of a prompt."""
BUNDLED_TEMPLATE = "{question}\n"
"""The template of the bundled models, which were trained on it."""

ONE_MESSAGE = "is asked in plain text: of a chat it takes one user message, as the question"
"""The words behind the name of a model that takes no chats."""


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
        """The whole prompt as text.

        Raises:
            InputError: the problem is a chat of more than one user message, or has tools.
        """
        if problem.tools or (problem.messages and [message.role for message in problem.messages] != ["user"]):
            given = ", ".join([*(message.role for message in problem.messages), *["tools"] * bool(problem.tools)])
            raise InputError(
                f"problem {problem.id!r} has {given} and this model, asked in plain text, takes one user message: send "
                "the question alone, or use a model with a chat template and task.chat=true"
            )
        shots = (self.filled(question) + answer for question, answer in self.shots)
        head = (self.system,) if self.system else ()
        return self.separator.join((*head, *shots, self.filled(problem.question)))

    def messages(
        self, problem: Problem, *, fold_system: bool = False, guard: Callable[[str], str] = str
    ) -> list[Mapping[str, Any]]:
        """The whole prompt as chat messages, each with a role and a content.

        Of a problem with messages of its own the last one of the user is the question, which the template is filled
        with, and its system message stands in place of the prompt's.

        Args:
            problem: the problem.
            fold_system: whether the system text opens the first turn of the user, for templates without a system role.
            guard: is applied to every text of the problem.
        """
        chat = [message.to_json(guard) for message in problem.messages] or [
            {"role": "user", "content": guard(problem.question)}
        ]
        last = max(at for at, message in enumerate(chat) if message["role"] == "user")
        chat[last] = {**chat[last], "content": self.filled(chat[last]["content"])}
        head: list[Mapping[str, Any]] = [{"role": "system", "content": self.system}] if self.system else []
        if chat[0]["role"] == "system":
            head = [chat.pop(0)]
        for question, answer in self.shots:
            head += [{"role": "user", "content": self.filled(question)}, {"role": "assistant", "content": answer}]
        found = [*head, *chat]
        return folded(found, self.separator) if fold_system else found

    def rendered(self, problem: Problem, tokenizer: Any, guard: Callable[[str], str]) -> str:
        """The text of a chat; a template that refuses the system role gets its text in the user's turn.

        Args:
            problem: the problem.
            tokenizer: a Hugging Face tokenizer with a chat template.
            guard: is applied to every text of the problem, its tools included.

        Raises:
            InputError: the template refuses the messages, or shows no tools.
        """
        tools = [guarded(tool, guard) for tool in problem.tools]
        reasons = []
        for fold in (False, True):
            messages = self.messages(problem, fold_system=fold, guard=guard)
            if fold and messages == self.messages(problem, guard=guard):
                break
            try:
                text = _applied(tokenizer, messages, tools)
                blind = bool(tools) and text == _applied(tokenizer, messages, [])
            except Exception as error:  # a template may raise anything
                reasons.append(first_line(error))
                continue
            if blind:
                raise InputError(
                    f"the chat template of this model shows no tools, and problem {problem.id!r} has {len(tools)}: "
                    "leave them out, or choose a model that calls tools"
                )
            return text
        raise InputError(
            f"the chat template of this model refuses these messages ({reasons[0]}): set task.chat=false"
        ) from None


def _applied(tokenizer: Any, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any]) -> str:
    named = {"tools": tools} if tools else {}
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False, **named))


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


def folded(messages: Sequence[Mapping[str, Any]], separator: str = SEPARATOR) -> list[Mapping[str, Any]]:
    """Return chat messages with the system's text at the start of the first turn of the user.

    Args:
        messages: a system message, if any, comes first.
        separator: what stands between the two texts.
    """
    if len(messages) < 2 or messages[0]["role"] != "system":
        return [*messages]
    system, first, *rest = messages
    return [{**first, "content": separator.join((system["content"], first["content"]))}, *rest]
