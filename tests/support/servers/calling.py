"""Servers whose model calls tools: each request gets the next reply of a script, in the shapes that servers stream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.servers.plain import KNOWN, Body, PlainServer

Calls = Sequence[tuple[str, Any]]
"""Names with their arguments: a JSON value, or a text that is sent as it is."""


def function(name: str, **properties: str) -> dict[str, Any]:
    """Return a tool; its arguments are required and have these types, but for those whose type ends with "?"."""
    required = [key for key, kind in properties.items() if not kind.endswith("?")]
    kinds = {key: {"type": kind.rstrip("?")} for key, kind in properties.items()}
    parameters = {"type": "object", "properties": kinds, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


class CallingServer(PlainServer):
    """Calls as OpenAI streams them: a number in each part, the name and the id in the first, arguments in pieces."""

    call_reason = "tool_calls"
    further = "#### 5"

    def __init__(self, *replies: str | Calls) -> None:
        super().__init__()
        self.replies = replies

    def reply(self, body: Body) -> str | Calls:
        """Return the reply to a request; those that call no tool, such as the first of all, are not in the script."""
        asked = [one for one in self.seen if "tools" in one and one.get("tool_choice") != "none"]
        at = next((at for at, one in enumerate(asked) if one is body), 0)
        return self.replies[at % len(self.replies)] if body in asked else self.further

    def check(self, body: Body) -> None:
        assert set(body) <= KNOWN | {"tool_choice", "parallel_tool_calls"}, body

    def deltas(self, calls: Calls) -> Iterator[Body]:
        """Yield the parts of a message with calls."""
        for index, (name, arguments) in enumerate(calls):
            text = written(arguments)
            yield {"tool_calls": [{"index": index, **self.whole(index, name, "")}]}
            for start in range(0, len(text), 5):
                yield {"tool_calls": [{"index": index, "function": {"arguments": text[start : start + 5]}}]}

    def whole(self, index: int, name: str, arguments: str) -> Body:
        """Return a whole call."""
        return {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}

    def events(self, body: Body) -> Iterator[Any]:
        reply = self.reply(body)
        if isinstance(reply, str):
            yield self.wrapped([{"index": 0, "delta": {"role": "assistant", "content": reply}}])
            yield self.wrapped([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        else:
            yield self.wrapped([{"index": 0, "delta": {"role": "assistant", "content": None}}])
            for delta in self.deltas(reply):
                yield self.wrapped([{"index": 0, "delta": delta, "finish_reason": None}])
            yield self.wrapped([{"index": 0, "delta": {}, "finish_reason": self.call_reason}])
        if (body.get("stream_options") or {}).get("include_usage"):
            yield self.wrapped([], usage=self.usage())


class WholeCalls(CallingServer):
    """Whole calls in one part, all with the number 0 (Gemini's compatible interface)."""

    def deltas(self, calls: Calls) -> Iterator[Body]:
        for at, (name, arguments) in enumerate(calls):
            yield {"tool_calls": [{"index": 0, **self.whole(at, name, written(arguments))}]}


class Unnumbered(CallingServer):
    """Whole calls in one list without numbers, arguments as an object, ``stop`` as the reason (Ollama, older ones)."""

    call_reason = "stop"

    def deltas(self, calls: Calls) -> Iterator[Body]:
        yield {"tool_calls": [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]}


class RepeatedId(CallingServer):
    """The id and the name in every part (some gateways)."""

    def deltas(self, calls: Calls) -> Iterator[Body]:
        for index, (name, arguments) in enumerate(calls):
            text = written(arguments)
            for start in range(0, len(text), 5):
                yield {"tool_calls": [{"index": index, **self.whole(index, name, text[start : start + 5])}]}


class OldFunction(CallingServer):
    """``function_call``, the interface before tools; one call."""

    call_reason = "function_call"

    def deltas(self, calls: Calls) -> Iterator[Body]:
        for name, arguments in calls:
            yield {"function_call": {"name": name, "arguments": ""}}
            yield {"function_call": {"arguments": written(arguments)}}


def written(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
