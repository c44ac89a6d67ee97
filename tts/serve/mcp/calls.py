"""The account of the calls of an MCP server."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from tts.agent.answer import Answer
from tts.agent.opening import Parts
from tts.agent.verification import Caches, no_cache
from tts.serve.kept import KeptDraws

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context


T = TypeVar("T")


class Calls:
    """The account of the calls of one server; that of a server without keys and metrics."""

    def __init__(self, kept: KeptDraws | None = None) -> None:
        """Take the pool that keeps the draws of calls; None keeps none."""
        self._kept = kept

    def question(self, context: Context[Any, Any], model: str) -> AbstractContextManager[None]:
        """Count a question to a model while it is in progress, or refuse it."""
        return nullcontext()

    def caches(self, parts: Parts) -> Caches:
        """Return what lends the cache of a question that these parts draw for."""
        return no_cache if self._kept is None else partial(self._kept.cache, parts, sampling=None)

    async def run(self, context: Context[Any, Any], work: Coroutine[Any, Any, T]) -> T:
        """Return the result of a call's work."""
        return await work

    def answered(self, context: Context[Any, Any], question: str, answer: Answer) -> None:
        """Note an answer."""
