"""The body of ``POST /v1/decisions``: messages, and questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tts.serve.errors import ApiError, bad_request
from tts.serve.requests.texts import checked_text, joined_parts, problem_of_messages
from tts.types import Message, Problem

CORRECT = "correct"
"""The name of the predicate that is answered."""
ANSWERED = (
    f"this model answers a predicate named {CORRECT!r} about a user's and an assistant's message, and a choice of "
    "candidate answers to a user's message"
)
Strict = ConfigDict(strict=True, allow_inf_nan=False)


class Turn(BaseModel):
    """One message of the input."""

    model_config = Strict

    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]]


class Choice(BaseModel):
    """One candidate."""

    model_config = Strict

    value: str | bool
    description: str | None = None


class Question(BaseModel):
    """One question about the input."""

    model_config = Strict

    type: Literal["predicate", "choice", "score"]
    name: str | None = None
    instructions: str | list[dict[str, Any]] = ""
    choices: list[Choice] | None = None


class DecisionRequest(BaseModel):
    """A request."""

    model_config = Strict

    model: str
    input: str | list[Turn]
    questions: list[Question] = Field(min_length=1, max_length=400)


@dataclass(frozen=True)
class Subject:
    """The subject of the questions.

    Attributes:
        problem: the messages up to the last one of the user.
        answer: the assistant's message behind it; None for none.
    """

    problem: Problem
    answer: str | None


def subject_of(body: DecisionRequest) -> Subject:
    """Return the subject of a request.

    Raises:
        ApiError: no message of a user, or a part that is no text.
    """
    if isinstance(body.input, str):
        return Subject(problem_of_messages([Message("user", checked_text(body.input, "input"))]), None)
    chat = [_message(turn, f"input[{number}].content") for number, turn in enumerate(body.input)]
    answer = chat.pop().content if chat and chat[-1].role == "assistant" else None
    return Subject(problem_of_messages(chat, where="input"), answer)


def _message(turn: Turn, where: str) -> Message:
    content = turn.content if isinstance(turn.content, str) else joined_parts(turn.content, where)
    return Message("system" if turn.role == "developer" else turn.role, checked_text(content, where))


def check_questions(questions: Sequence[Question], subject: Subject) -> None:
    """Refuse questions that no model here answers.

    Raises:
        ApiError: saying which ones are answered.
    """
    for number, question in enumerate(questions):
        where = f"questions[{number}]"
        if question.type == "predicate":
            if question.name != CORRECT:
                raise _unanswered(f"{where} is a predicate of another name", f"{where}.name")
            if subject.answer is None:
                raise _unanswered(f"{where} is about an answer, and input has no assistant's message last", "input")
        elif question.type == "choice":
            _check_choices(question.choices or (), f"{where}.choices")
        else:
            raise _unanswered(f"{where} is of type {question.type}", f"{where}.type")


def _check_choices(choices: Sequence[Choice], where: str) -> None:
    if not 2 <= len(choices) <= 255:
        raise bad_request(f"{where} must be 2 to 255 candidate answers, got {len(choices)}", where)
    for number, choice in enumerate(choices):
        if isinstance(choice.value, bool):
            raise _unanswered(f"{where}[{number}] is no candidate answer", f"{where}[{number}].value")
        checked_text(choice.value, f"{where}[{number}].value")
    if len({choice.value for choice in choices}) < len(choices):
        raise bad_request(f"{where} must be different from each other", where)


def _unanswered(what: str, param: str) -> ApiError:
    return bad_request(f"{what}: {ANSWERED}", param, "unsupported_question")
