"""Completions of OpenAI's interface, of chats and of texts, as samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.pools.records import Record, drawn, ended, numbers, plain_text
from tts.errors import InputError


def logprobs_of(found: Any, where: str) -> tuple[float, ...]:
    """Return the log-probabilities of a choice: ``content`` of chats, ``token_logprobs`` of texts; empty without any.

    Raises:
        InputError: they are no numbers.
    """
    if not isinstance(found, Mapping):
        return ()
    content = found.get("content")
    if isinstance(content, list):
        values = [token.get("logprob") if isinstance(token, Mapping) else None for token in content]
        return numbers(values, where, "logprobs.content")
    return numbers(found.get("token_logprobs"), where, "logprobs.token_logprobs")


def add_completion(record: Record, body: Mapping[str, Any]) -> None:
    """Add the choices of one completion to a record.

    Args:
        record: the record of its question.
        body: the completion, with ``choices``, ``model`` and ``usage``.

    Raises:
        InputError: it holds no choices.
    """
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        if isinstance(body.get("output"), list):
            return _add_response(record, body)
        raise InputError(f"{record.where}: the completion holds no choices; it has {', '.join(map(str, body))}")
    record.model = record.model or str(body.get("model") or "")
    usage = body.get("usage") or {}
    ordered = sorted(choices, key=lambda one: one.get("index") or 0)
    for i, choice in enumerate(ordered):
        message = choice.get("message") or {}
        text = plain_text(message.get("content")) if message else choice.get("text")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        record.add(
            drawn(
                text or "",
                end=ended(choice.get("finish_reason")),
                logprobs=logprobs_of(choice.get("logprobs"), record.where),
                tokens=usage.get("completion_tokens") if len(choices) == 1 else None,
                prompt=(usage.get("prompt_tokens") or 0) if i == 0 else 0,
                reasoning=reasoning if isinstance(reasoning, str) and reasoning else None,
            )
        )
    return None


def _add_response(record: Record, body: Mapping[str, Any]) -> None:
    """Add the message of a response of ``/v1/responses``."""
    parts = [
        part["text"]
        for item in body["output"]
        if isinstance(item, Mapping) and item.get("type") == "message"
        for part in item.get("content") or []
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
    ]
    usage = body.get("usage") or {}
    record.model = record.model or str(body.get("model") or "")
    reason = (body.get("incomplete_details") or {}).get("reason")
    end = ended("length" if reason == "max_output_tokens" else "stop")
    record.add(drawn("".join(parts), end=end, tokens=usage.get("output_tokens"), prompt=usage.get("input_tokens") or 0))
