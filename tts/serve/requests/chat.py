"""The body of ``POST /v1/chat/completions``: fields that are honoured, those that are refused by name, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tts.engines.sampling import Sampling, SamplingChange
from tts.serve.config import ServeLimits
from tts.serve.errors import ApiError, bad_request
from tts.serve.requests.texts import checked_text, joined_parts, problem_of_messages, whole_text
from tts.types import Message, Problem

StopText = Annotated[str, Field(min_length=1, max_length=256)]
Finite = ConfigDict(strict=True, allow_inf_nan=False)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class TtsFields(BaseModel):
    """Fields of this project, which OpenAI's client sends by ``extra_body={"tts": {...}}``."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    strategy: str | None = None
    budget: int | None = Field(default=None, ge=1)
    scorer: str | None = None
    alpha: float | None = Field(default=None, gt=0.0, lt=1.0)
    time_limit_s: float | None = Field(default=None, gt=0.0)
    on_abstain: Literal["answer", "refuse"] = "answer"


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = Finite

    include_usage: bool | None = None


class ChatMessage(BaseModel):
    """One message."""

    model_config = Finite

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class ChatRequest(BaseModel):
    """A request; unknown fields are kept, so that those that would change the answer are refused by name."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="allow")

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    temperature: float | None = Field(default=None, ge=0.0, le=100.0)
    top_p: float | None = Field(default=None, gt=0.0, le=1.0)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = Field(default=None, ge=0, lt=1 << 63)
    stop: Annotated[list[StopText], BeforeValidator(_listed), Field(max_length=4)] | None = None
    user: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    tts: TtsFields | None = None

    @property
    def ours(self) -> TtsFields:
        """The fields of this project."""
        return self.tts or TtsFields()


def _one(value: Any) -> bool:
    return value in (None, 1)


def _empty(value: Any) -> bool:
    return not value


def _text_alone(value: Any) -> bool:
    return value in (None, ["text"])


def _plain_format(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and value.get("type") == "text")


REFUSED: Mapping[str, Callable[[Any], bool]] = {
    "n": _one,
    "best_of": _one,
    "repetition_penalty": _one,
    "length_penalty": _one,
    "modalities": _text_alone,
    "response_format": _plain_format,
    **dict.fromkeys(
        (
            "logprobs",
            "top_logprobs",
            "prompt_logprobs",
            "audio",
            "prediction",
            "functions",
            "function_call",
            "logit_bias",
            "presence_penalty",
            "frequency_penalty",
            "stop_token_ids",
            "bad_words",
            "allowed_token_ids",
            "ignore_eos",
            "min_tokens",
            "top_k",
            "min_p",
            "use_beam_search",
            "guided_json",
            "guided_regex",
            "guided_choice",
            "guided_grammar",
            "structured_outputs",
            "chat_template",
            "chat_template_kwargs",
            "continue_final_message",
            "echo",
            "web_search_options",
            "reasoning_effort",
        ),
        _empty,
    ),
}
"""Fields that would change the answer, each with the values that change nothing."""


def check_fields(body: ChatRequest) -> None:
    """Refuse fields that would change the answer.

    Raises:
        ApiError: naming the first one.
    """
    for name, value in (body.model_extra or {}).items():
        harmless = REFUSED.get(name)
        if harmless is not None and not harmless(value):
            raise bad_request(
                f"{name} is not supported, and would change the answer: leave it out", name, "unsupported_field"
            )


def problem_of_chat(body: ChatRequest) -> Problem:
    """Return the messages of a request as a problem.

    Raises:
        ApiError: a message without text, a part that is no text, or no message of a user.
    """
    chat = [_message(number, message) for number, message in enumerate(body.messages)]
    tools, choice, parallel = body.tools or (), body.tool_choice, body.parallel_tool_calls
    return problem_of_messages(chat, tools, tool_choice=choice, parallel_tool_calls=parallel)


def _message(number: int, message: ChatMessage) -> Message:
    where, content = f"messages[{number}].content", message.content
    if isinstance(content, list):
        content = joined_parts(content, where)
    if message.role == "assistant":
        content = content or message.refusal
    content = checked_text(content, where) if message.role == "user" else whole_text(content or "", where)
    return Message(
        role="system" if message.role == "developer" else message.role,
        content=content,
        tool_calls=tuple(message.tool_calls or ()),
        tool_call_id=message.tool_call_id or "",
        name=message.name or "" if message.role == "tool" else "",
    )


def sampling_of(body: ChatRequest, own: Sampling, limits: ServeLimits) -> SamplingChange | None:
    """Return the sampling parameters that a request changes; a value that is in use already changes nothing.

    Args:
        body: the request.
        own: the model's own parameters.
        limits: the most that a request may ask for.

    Raises:
        ApiError: more tokens than allowed.
    """
    lengths = {"max_tokens": body.max_tokens, "max_completion_tokens": body.max_completion_tokens}
    for name, value in lengths.items():
        if value is not None and value > limits.max_tokens:
            raise over(name, value, limits.max_tokens)
    given = [value for value in lengths.values() if value is not None]
    wanted: dict[str, Any] = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "max_tokens": min(given) if given else None,
        "seed": body.seed,
    }
    changed = {name: value for name, value in wanted.items() if value is not None and value != getattr(own, name)}
    if body.stop:
        changed["stop"] = tuple(body.stop)
    return SamplingChange(**changed) if changed else None


def over(name: str, value: float, most: float) -> ApiError:
    """Return the refusal of a number above the server's limit."""
    return bad_request(f"{name} must be at most {most} on this server, got {value!r:.40}", name)
