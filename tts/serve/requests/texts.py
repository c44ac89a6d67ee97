"""Texts of requests: messages and their parts, checked, in the words of the field that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tts.serve.errors import bad_request
from tts.types import Message, Problem


def checked_text(text: object, where: str) -> str:
    """Return a text.

    Raises:
        ApiError: it is none, empty, or holds half of a character (a lone surrogate).
    """
    if not isinstance(text, str) or not text.strip():
        raise bad_request(f"{where} must be text, got {'nothing' if not text else 'none'}", where)
    return whole_text(text, where)


def whole_text(text: str, where: str) -> str:
    """Return a text, which may be empty.

    Raises:
        ApiError: it holds half of a character.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise bad_request(f"{where} holds half of a character (a lone surrogate)", where) from None
    return text


def joined_parts(parts: Sequence[Mapping[str, Any]], where: str) -> str:
    """Return the text of text parts.

    Raises:
        ApiError: a part of another type.
    """
    found = []
    for number, part in enumerate(parts):
        kind, place = part.get("type"), f"{where}[{number}]"
        if kind not in ("text", "input_text", "output_text"):
            shown = f"{kind!r:.40}" if isinstance(kind, str) else "no type"
            raise bad_request(f"{place} must be of type text, got {shown}", place, "unsupported_field")
        if not isinstance(part.get("text"), str):
            raise bad_request(f"{place}.text must be text", f"{place}.text")
        found.append(part["text"])
    return "\n".join(found)


def problem_of_messages(
    chat: Sequence[Message], tools: Sequence[Mapping[str, Any]] = (), where: str = "messages", **how: Any
) -> Problem:
    """Return a chat as a problem; the same one always has the same id, a single question that of its text.

    Args:
        chat: the messages.
        tools: the tools.
        where: the field that holds the messages.
        how: ``tool_choice`` and ``parallel_tool_calls``, where there are tools.

    Raises:
        ApiError: it has no message of a user.
    """
    if not any(message.role == "user" for message in chat):
        raise bad_request(f"{where} must hold a message of role user, got none: add the question", where)
    if len(chat) == 1 and not tools:
        return Problem(_id(chat[0].content), chat[0].content)
    how = {name: value for name, value in how.items() if tools and value is not None}
    parts = [[message.to_json() for message in chat], list(tools), *([how] if how else [])]
    try:
        json.dumps(parts, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise bad_request(f"{where} or tools hold half of a character (a lone surrogate)", where) from None
    whole = json.dumps(parts, sort_keys=True)
    return Problem.of_messages(_id(whole), chat, tools=tuple(tools), **how)


def _id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
