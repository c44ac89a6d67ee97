"""Connections to servers of OpenAI's interface, and what it means where one fails."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tts.engines.openai.balancer import Server, Servers
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.protocol import ServerFeatures, ask, sentence
from tts.errors import EngineError, InputError, first_line


class Connections:
    """Clients of one model's servers; those that do not wait belong to the event loop that they are used in.

    Attributes:
        servers: who is asked next.
    """

    def __init__(self, config: OpenAIConfig, *, model: str) -> None:
        """Connect to nobody yet.

        Args:
            config: which servers, and how they are asked.
            model: the model's name there.

        Raises:
            InputError: no URL.
        """
        config.check()
        self._config, self._model = config, model
        self._loop: asyncio.AbstractEventLoop | None = None
        self.servers = Servers(
            [Server(url) for url in config.urls],
            concurrency=config.concurrency,
            outage_timeout_s=config.outage_timeout_s,
        )

    def can(self, *, chat: bool) -> ServerFeatures:
        """What all of the servers were found to do.

        Raises:
            InputError: no server, no such model there, or a key that it refuses.
        """
        import openai

        found = []
        for server in self.servers.all:
            with openai.OpenAI(base_url=server.url, **self._how()) as client:
                found.append(ask(client, self._model, chat=chat, names=self._config.tokenizer is not None))
        return ServerFeatures(
            ids=all(one.ids for one in found),
            named=all(one.named for one in found),
            top=min(one.top for one in found),
            reasons=all(one.reasons for one in found),
            context=min(one.context for one in found),
        )

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Server]:
        """A server to ask, with a client.

        Raises:
            InputError: it refuses the key, or does not serve the model: no request will do.
            EngineError: anything else, final where the request itself is refused.
        """
        import openai

        await self._connected()
        async with self.servers.one() as server:
            try:
                yield server
                self.servers.answered(server)
            except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
                raise InputError(
                    f"{server.url} refuses the key or the model {self._model} ({sentence(error)}): correct "
                    f"{self._config.key_env} or engine.model"
                ) from None
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                raise EngineError(f"{server.url} refuses a request ({sentence(error)})", again=False) from error
            except _broken() as error:
                why = first_line(error.__cause__ or error)  # the client calls a refused connection a timeout
                self.servers.missed(server, why)
                raise EngineError(f"{server.url} does not answer ({why})") from error
            except (openai.APIError, json.JSONDecodeError, UnicodeDecodeError) as error:
                raise EngineError(f"{server.url} failed ({sentence(error)})") from error

    def _how(self) -> dict[str, Any]:
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
        return openai.AsyncOpenAI(base_url=url, http_client=http, **self._how())

    async def _connected(self) -> None:
        """See to it that there are clients of this event loop."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            for server in self.servers.all:
                server.client = self._client(server.url)
            closing = _closing([server.client for server in self.servers.all])
            _OPEN.setdefault(loop, []).append(closing)
            await anext(closing)


_OPEN: dict[asyncio.AbstractEventLoop, list[AsyncIterator[None]]] = {}
"""Keeps connections from being collected as garbage before they are closed, with the event loop that they belong to."""


async def _closing(clients: Sequence[Any]) -> AsyncIterator[None]:
    """Closes the connections when the event loop ends, as it ends all asynchronous generators."""
    try:
        yield
    finally:
        for client in clients:
            await client.close()
        _OPEN.pop(asyncio.get_running_loop(), None)


def _broken() -> tuple[type[Exception], ...]:
    """What is raised where there is no connection, or where it breaks in the middle of an answer."""
    import httpx2
    import openai

    return (openai.APIConnectionError, httpx2.TransportError, httpx2.StreamError)
