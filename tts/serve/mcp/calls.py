"""The account of the calls of an MCP server."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from tts.agent.answer import Answer

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context


T = TypeVar("T")


class Calls:
    """The account of the calls of one server; that of a server without keys and metrics."""

    def question(self, context: Context[Any, Any]) -> AbstractContextManager[None]:
        """Count a question while it is in progress, or refuse it."""
        return nullcontext()

    async def run(self, context: Context[Any, Any], work: Coroutine[Any, Any, T]) -> T:
        """Return the result of a call's work."""
        return await work

    def answered(self, context: Context[Any, Any], question: str, answer: Answer) -> None:
        """Note an answer."""
