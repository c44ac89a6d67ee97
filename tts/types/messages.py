"""Messages of a chat, with the calls of tools and their replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat, in the terms of OpenAI's interface, which chat templates share.

    Attributes:
        role: "system", "user", "assistant" or "tool", or another that the model's template knows.
        content: its text.
        tool_calls: the calls that an assistant makes, each a JSON object.
        tool_call_id: of a tool's reply, the id of the call; empty for none.
        name: of a tool's reply, the tool's name; empty for none.
    """

    role: str
    content: str
    tool_calls: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    tool_call_id: str = ""
    name: str = ""

    def to_json(self, guard: Callable[[str], str] = str) -> dict[str, Any]:
        """Return the message as a JSON object, without fields that are empty.

        Args:
            guard: is applied to each text.
        """
        found: dict[str, Any] = {"role": guard(self.role), "content": guard(self.content)}
        if self.tool_calls:
            found["tool_calls"] = [guarded(call, guard) for call in self.tool_calls]
        named = (("tool_call_id", self.tool_call_id), ("name", self.name))
        return {**found, **{key: guard(value) for key, value in named if value}}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, as a model wrote it.

    Attributes:
        name: the tool's name.
        arguments: its arguments: the text of a JSON object, or whatever the model wrote instead.
        id: the server's id of the call, which a tool's reply names; empty for none.
    """

    name: str
    arguments: str
    id: str = ""


def guarded(value: Any, guard: Callable[[str], str]) -> Any:
    """Return a JSON value with a function applied to each text in it, names of fields included."""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, Mapping):
        return {guard(str(key)): guarded(one, guard) for key, one in value.items()}
    return [guarded(one, guard) for one in value] if isinstance(value, list | tuple) else value
