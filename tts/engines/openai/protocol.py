"""OpenAI's interface on the wire: fields of requests and of answers, for completions and for chats alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts.engines.base import Meter
from tts.errors import first_line

EVENT_TOKENS = 64
"""Tokens in one event of a stream that is read as a whole, if the server can send several at once: few enough that a
slow server is not taken for a dead one."""
TEXT_FIELDS: dict[str, Any] = {"include_stop_str_in_output": True, "stream_interval": EVENT_TOKENS}
"""VLLM's fields beside those of the interface, without a tokenizer."""
TOKEN_FIELDS = {**TEXT_FIELDS, "return_token_ids": True, "return_tokens_as_token_ids": True}
"""VLLM's fields beside those of the interface, with a tokenizer."""


def create(client: Any, chat: bool, **body: Any) -> Any:
    """Send a request; an asynchronous client returns a coroutine."""
    return (client.chat.completions if chat else client.completions).create(**body)


def prompt_fields(chat: bool, text: str) -> dict[str, Any]:
    """Return the fields that hold a prompt."""
    return {"messages": [{"role": "user", "content": text}]} if chat else {"prompt": text}


def logprobs_fields(chat: bool, top: int) -> dict[str, Any]:
    """Return the fields that request log-probabilities, those of the ``top`` most probable tokens among them."""
    return {"logprobs": True, "top_logprobs": top} if chat else {"logprobs": top}


def token_logprobs(choice: Any) -> list[tuple[str, float, dict[str, float]]]:
    """Return each token of a choice, its log-probability, and the log-probabilities that came beside it, by text."""
    given = getattr(choice, "logprobs", None)
    if given is None:
        return []
    if (content := getattr(given, "content", None)) is not None:
        return [(t.token, t.logprob, {one.token: one.logprob for one in t.top_logprobs}) for t in content]
    beside = getattr(given, "top_logprobs", None) or [None] * len(given.tokens or ())
    return [
        (token, logprob, dict(top or {}))
        for token, logprob, top in zip(given.tokens or (), given.token_logprobs or (), beside, strict=True)
    ]


def token_id(token: str) -> int:
    """Return the id of a token that the server names by its id."""
    return int(token.removeprefix("token_id:"))


def choice_text(choice: Any) -> str:
    """Return the text of a choice, of an event or of a whole answer."""
    return str((choice.delta.content if hasattr(choice, "delta") else choice.text) or "")


def charge_usage(meter: Meter, usage: Any) -> None:
    """Add the usage that the server reports for a request to a meter."""
    details = getattr(usage, "prompt_tokens_details", None)
    cached = int(getattr(details, "cached_tokens", None) or 0)
    meter.prompt += usage.prompt_tokens - cached
    meter.prompt_cached += cached
    meter.drawn += usage.completion_tokens or 0


def error_message(error: Any) -> str:
    """Return the server's message of an error, one line without the client's wrapping."""
    given: Any = getattr(error, "body", None)
    body: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    inner = body.get("error", body)
    message = inner.get("message") if isinstance(inner, Mapping) else inner
    return str(message or first_line(error)).strip().splitlines()[0].rstrip(".")[:300]
