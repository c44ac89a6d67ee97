"""Calls of tools in a stream: parts of calls, in every shape that servers send, and whole calls from their parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tts.types import ToolCall


@dataclass(frozen=True, slots=True)
class CallPart:
    """A part of one call.

    Attributes:
        index: the number of its call within the sample; None where the server does not number calls.
        name: the tool's name; empty in later parts.
        arguments: the next piece of the arguments' text.
        id: the server's id of the call; empty in later parts.
    """

    index: int | None
    name: str = ""
    arguments: str = ""
    id: str = ""


def read_calls(message: Mapping[str, Any]) -> tuple[CallPart, ...]:
    """Return the parts of calls in a message, or in a part of one; what is foreign is left out.

    Args:
        message: a choice's ``delta`` or ``message``.
    """
    given, old = message.get("tool_calls"), message.get("function_call")
    found = [_part(one) for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if not found and isinstance(old, dict):  # the interface before tools
        found = [replace(_part({"function": old}), index=0)]
    return tuple(part for part in found if part.name or part.arguments or part.id)


def _part(call: Mapping[str, Any]) -> CallPart:
    function, index = call.get("function"), call.get("index")
    function = function if isinstance(function, dict) else call
    given = function.get("arguments")
    if not isinstance(given, str):  # an object in place of its text
        given = "" if given is None else json.dumps(given, ensure_ascii=False)
    whole = isinstance(index, int) and not isinstance(index, bool)
    return CallPart(index if whole else None, _text(function.get("name")), given, _text(call.get("id")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


class CallCollector:
    """Joins the parts of a sample's calls.

    A part with another id than its call's begins a new one: servers exist that give every call the same number, or
    none.
    """

    def __init__(self) -> None:
        """Start without a call."""
        self._calls: list[ToolCall] = []
        self._place: dict[int | None, int] = {}

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far, in the order in which they began."""
        return tuple(self._calls)

    def add(self, part: CallPart) -> None:
        """Take the next part."""
        at = self._place.get(part.index)
        if at is None or _is_other(part, self._calls[at]):
            self._place[part.index] = len(self._calls)
            self._calls.append(ToolCall(part.name, part.arguments, part.id))
            return
        call = self._calls[at]
        self._calls[at] = ToolCall(call.name or part.name, call.arguments + part.arguments, call.id or part.id)


def _is_other(part: CallPart, call: ToolCall) -> bool:
    """Return whether a part belongs to another call than the last one of its number."""
    if part.id and call.id:
        return part.id != call.id
    return part.index is None and bool(part.name)
