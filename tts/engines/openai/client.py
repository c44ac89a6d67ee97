"""Connections to a model's servers, and the meaning of their errors."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import reduce
from operator import and_
from typing import Any

from tts.engines.openai.balancer import LoadBalancer, Server
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.features import ServerFeatures, detect_features
from tts.engines.openai.protocol import error_message
from tts.errors import EngineError, InputError, first_line


class Connections:
    """Clients of one model's servers; the asynchronous ones belong to the event loop that uses them.

    Attributes:
        balancer: chooses the server of a request.
    """

    def __init__(self, config: OpenAIConfig, *, model: str) -> None:
        """Start without a connection.

        Args:
            config: the servers, and how requests are sent.
            model: the model's name at the servers.

        Raises:
            InputError: no URL.
        """
        config.check()
        self._config, self._model = config, model
        self._loop: asyncio.AbstractEventLoop | None = None
        self.balancer = LoadBalancer(
            [Server(url) for url in config.urls],
            concurrency=config.concurrency,
            outage_timeout_s=config.outage_timeout_s,
        )

    def features(self, *, chat: bool) -> ServerFeatures:
        """Return the features that all servers have.

        Args:
            chat: whether requests are chat messages.

        Raises:
            InputError: no server, no such model there, or a key that it refuses.
        """
        import openai

        found = []
        for server in self.balancer.servers:
            with openai.OpenAI(base_url=server.url, **self._options()) as client:
                has_tokenizer = self._config.tokenizer is not None
                found.append(detect_features(client, self._model, chat=chat, has_tokenizer=has_tokenizer))
        return reduce(and_, found)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Server]:
        """Lend a server with a client for one request.

        Raises:
            InputError: the server refuses the key, or does not serve the model, so that every request would fail.
            EngineError: any other failure; it is final if the server refuses the request itself.
        """
        import openai

        await self._connect()
        async with self.balancer.lend() as server:
            try:
                yield server
                self.balancer.mark_up(server)
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                raise InputError(
                    f"{server.url} refuses the key or the model {self._model} ({error_message(error)}): correct "
                    f"{self._config.key_env} or engine.model"
                ) from None
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                raise EngineError(f"{server.url} refuses a request ({error_message(error)})", again=False) from error
            except _connection_errors() as error:
                reason = first_line(error.__cause__ or error)  # the client calls a refused connection a timeout
                self.balancer.mark_down(server, reason)
                raise EngineError(f"{server.url} does not answer ({reason})") from error
            except (openai.APIError, json.JSONDecodeError, UnicodeDecodeError) as error:
                raise EngineError(f"{server.url} failed ({error_message(error)})") from error

    def _options(self) -> dict[str, Any]:
        return {
            "api_key": os.environ.get(self._config.key_env) or "none",  # servers without keys take any
            "timeout": self._config.timeout_s,
            "max_retries": self._config.retries,
        }

    def _client(self, url: str) -> Any:
        import httpx2
        import openai

        most = self._config.concurrency
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
        http = openai.DefaultAioHttpClient(base_url=url, limits=limits)
        return openai.AsyncOpenAI(base_url=url, http_client=http, **self._options())

    async def _connect(self) -> None:
        """Make clients for this event loop, unless there are some."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            for server in self.balancer.servers:
                server.client = self._client(server.url)
            closing = _closing([server.client for server in self.balancer.servers])
            _OPEN.setdefault(loop, []).append(closing)
            await anext(closing)


_OPEN: dict[asyncio.AbstractEventLoop, list[AsyncIterator[None]]] = {}
"""Holds connections with the event loop that they belong to, so that they are not collected before they are closed."""


async def _closing(clients: Sequence[Any]) -> AsyncIterator[None]:
    """Close the clients when the event loop ends, as it ends all asynchronous generators."""
    try:
        yield
    finally:
        for client in clients:
            await client.close()
        _OPEN.pop(asyncio.get_running_loop(), None)


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return the errors of a connection that is refused or that breaks in the middle of an answer."""
    import httpx2
    import openai

    return (openai.APIConnectionError, httpx2.TransportError, httpx2.StreamError)
