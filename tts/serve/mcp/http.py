"""The MCP server at ``/mcp`` of a gateway: behind the same keys, with a check of the headers Host and Origin.

The SDK is imported at the first request, in a thread: a gateway without a client of MCP does without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from tts.agent.answer import Answer
from tts.agent.opening import Parts
from tts.agent.verification import Caches
from tts.serve.errors import GONE, REQUEST, ApiError, Failure, not_allowed
from tts.serve.listening import is_loopback
from tts.serve.mcp.calls import Calls
from tts.serve.state import State

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

PATH = "/mcp"
ROUTE = SimpleNamespace(path=PATH)
"""Names the route in log and metrics."""
T = TypeVar("T")
LAST_S = 2.0
"""Seconds for the last bytes of answers when the gateway ends."""


class McpEndpoint:
    """The application behind :data:`PATH`, for the models of a gateway."""

    def __init__(self, state: State) -> None:
        """Take the state; nothing is imported yet."""
        self._state, self._usual = state, next(iter(state.models))
        self._calls = GatewayCalls(state)
        self._app: ASGIApp | None = None
        self._starting, self._ended, self._open = asyncio.Lock(), asyncio.Event(), 0
        self._running: asyncio.Task[None] | None = None
        state.closing.append(self.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            ApiError: another host or origin, or the SDK is not installed.
        """
        request = Request(scope)
        scope["route"] = ROUTE
        self._check(request)
        async with self._starting:
            app = self._app or await self._started()
        request.state.exchange.facts.update(model=self._usual)
        call = scope["method"] == "POST"
        self._open += call
        try:
            await app(scope, receive, send)
        finally:  # a session outlives its requests, and must not go on with the calls of a client that left
            self._open -= call
            self._calls.end(request.state.request_id)

    async def close(self) -> None:
        """End the sessions, once the answers of calls are sent."""
        if self._running is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                while self._open:
                    await asyncio.sleep(0.02)
        self._ended.set()
        await self._running
        for task in asyncio.all_tasks():  # of the SDK's streams, which waits for the end of a server of its own
            if getattr(task.get_coro(), "__name__", "") == "_shutdown_watcher":
                task.cancel()

    def _check(self, request: Request) -> None:
        """Refuse pages of other origins, and other names of a server that listens on this machine alone.

        Raises:
            ApiError: naming the header.
        """
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        name = _name(f"//{host}")
        if is_loopback(self._state.config.host) and not is_loopback(name):
            raise not_allowed(
                "the header Host must name this machine: ask it by 127.0.0.1 or localhost", "host_not_allowed"
            )
        if origin is not None and not (urlsplit(origin).netloc == host or is_loopback(_name(origin))):
            raise not_allowed(
                "the header Origin names another site, whose pages may not ask this server", "origin_not_allowed"
            )

    async def _started(self) -> ASGIApp:
        """Import the SDK, and run its sessions until the gateway ends.

        Raises:
            ApiError: it is not installed.
        """
        if find_spec("mcp") is None:
            message = "this server speaks no MCP: install 'tts-rerank[mcp]' beside it"
            raise ApiError(Failure(404, REQUEST, "unknown_url", message))
        manager = await asyncio.to_thread(_session_manager, self._state, self._calls)
        started = asyncio.Event()

        async def run() -> None:
            async with manager.run():
                started.set()
                await self._ended.wait()

        self._running = asyncio.ensure_future(run())
        await started.wait()
        self._app = manager.handle_request
        return self._app


def _session_manager(state: State, calls: Calls) -> Any:
    from mcp.server.transport_security import TransportSecuritySettings

    from tts.serve.mcp.server import create_mcp

    logging.getLogger("mcp").setLevel(logging.WARNING)  # it logs the ids of sessions
    limits = state.config.limits
    server = create_mcp(state.models, limits, calls)
    server.streamable_http_app(
        max_request_body_size=limits.body_bytes,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # checked above
    )
    return server.session_manager


class GatewayCalls(Calls):
    """Counts calls as the gateway's other questions: by key, in its limits and in its metrics."""

    def __init__(self, state: State) -> None:
        """Take the state of the gateway."""
        super().__init__()
        self._state = state
        self._work: dict[str, asyncio.Future[Any]] = {}

    @contextmanager
    def question(self, context: Context[Any, Any], model: str) -> Iterator[None]:
        """Count a question of the caller's key.

        Raises:
            ApiError: the key may not ask this model or has its share in progress, or the server ends.
        """
        request = self._request(context)
        self._state.check_allowed(request.state.key, model)
        request.state.exchange.facts.update(model=model)
        with self._state.question(request.state.key):
            yield

    def caches(self, parts: Parts) -> Caches:
        """Return what lends the cache of a question that these parts draw for."""
        return self._state.caches(parts)

    async def run(self, context: Context[Any, Any], work: Coroutine[Any, Any, T]) -> T:
        """Return the result of a call's work, which ends with the call or with its request.

        Raises:
            ApiError: the client has left.
        """
        id, task = self._request(context).state.request_id, asyncio.ensure_future(work)
        self._work[id] = task
        try:
            await asyncio.wait((task,))
            if task.cancelled():
                raise ApiError(Failure(GONE, REQUEST, "client_gone", "the client has left"))
            return task.result()
        finally:
            task.cancel()
            self._work.pop(id, None)

    def end(self, id: str) -> None:
        """End the work of a request's call, if it goes on."""
        if (task := self._work.pop(id, None)) is not None:
            task.cancel()

    def answered(self, context: Context[Any, Any], question: str, answer: Answer) -> None:
        """Count an answer, and log its texts where texts are logged."""
        self._state.answered(self._request(context), question, answer)

    def _request(self, context: Context[Any, Any]) -> Request:
        request = context.request_context.request
        assert isinstance(request, Request)
        return request


def _name(url: str) -> str:
    """Return the host that an address names; empty for none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
