"""Chats of problems and calls of samples as JSON, in which every file format keeps them.

A problem's chat is an object with ``messages``, ``tools``, ``tool_choice`` and ``parallel_tool_calls``, those that it
has; calls are a list of objects with ``name``, ``arguments`` and ``id``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from tts.errors import InputError
from tts.types import Message, Problem, ToolCall

_FIELDS = ("messages", "tools", "tool_choice", "parallel_tool_calls")


def chat_of(problem: Problem) -> dict[str, Any]:
    """Return the chat and the tools of a problem; empty for a question alone."""
    found: dict[str, Any] = {}
    if problem.messages:
        found["messages"] = [message.to_json() for message in problem.messages]
    if problem.tools:
        found["tools"] = [dict(tool) for tool in problem.tools]
    for name in ("tool_choice", "parallel_tool_calls"):
        if (value := getattr(problem, name)) is not None:
            found[name] = value
    return found


def with_chat(problem: Problem, chat: object) -> Problem:
    """Return a problem with the chat and the tools of :func:`chat_of`.

    Raises:
        InputError: something else.
    """
    if not isinstance(chat, Mapping) or not set(chat) <= set(_FIELDS):
        raise InputError(f"chat must be an object with {', '.join(_FIELDS)}, got {chat!r:.80}")
    messages, tools = chat.get("messages", []), chat.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, Mapping) for tool in tools):
        raise InputError(f"chat.tools must be a list of objects, got {tools!r:.80}")
    if not isinstance(messages, list):
        raise InputError(f"chat.messages must be a list of objects, got {messages!r:.80}")
    return replace(
        problem,
        messages=tuple(_message(message) for message in messages),
        tools=tuple(tools),
        tool_choice=chat.get("tool_choice"),
        parallel_tool_calls=chat.get("parallel_tool_calls"),
    )


def chat_text(problem: Problem) -> str | None:
    """Return the chat of a problem as a text, None for a question alone; equal chats give equal texts.

    Raises:
        InputError: a value that JSON does not have.
    """
    return _text(chat) if (chat := chat_of(problem)) else None


def calls_of(calls: object) -> tuple[ToolCall, ...]:
    """Return the calls of a list of objects.

    Raises:
        InputError: something else.
    """
    try:
        found = tuple(ToolCall(**call) for call in calls)  # type: ignore[attr-defined]
    except TypeError:
        found = ()
    if not found or not all(isinstance(text, str) for call in found for text in asdict(call).values()):
        raise InputError(f"calls must be a list of objects with the texts name, arguments and id, got {calls!r:.80}")
    return found


def calls_text(calls: Sequence[ToolCall]) -> str | None:
    """Return the calls of a sample as a text, None where there are none."""
    return _text([asdict(call) for call in calls]) if calls else None


def _text(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"chats and tools must hold JSON values only: {error}") from None


def _message(given: object) -> Message:
    fields = dict(given) if isinstance(given, Mapping) else {}
    calls = fields.pop("tool_calls", [])
    valid = isinstance(calls, list) and all(isinstance(call, Mapping) for call in calls)
    try:
        message = Message(**fields, tool_calls=tuple(calls) if valid else ())
    except TypeError:
        valid, message = False, Message("", "")
    texts = (message.role, message.content, message.tool_call_id, message.name)
    if not valid or not all(isinstance(text, str) for text in texts):
        raise InputError(f"a message must have role, content and perhaps calls of tools, got {given!r:.80}")
    return message
