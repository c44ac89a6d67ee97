"""Connections to a model's servers, and the meaning of their errors."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from tts.engines.openai.answers.wire import EventReader
from tts.engines.openai.balancer import LoadBalancer, Server
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.failures import (
    address_hint,
    connection_words,
    error_message,
    is_out_of_quota,
    key_sentence,
    server_words,
)
from tts.engines.openai.refusals import Dialect
from tts.engines.openai.request_body import create
from tts.errors import EngineError, InputError, KeyRefusedError

CONNECT_S = 10.0
"""The most seconds that a connection takes, the TLS handshake included, which servers of plain HTTP may not answer."""


class Connections:
    """Clients of one model's servers; they belong to the event loop that uses them.

    Attributes:
        balancer: chooses the server of a request.
        dialect: the form of the requests that the servers take.
        notify: receives sentences about the servers, each once.
    """

    def __init__(
        self, config: OpenAIConfig, *, model: str, notify: Callable[[str], None] = lambda sentence: None
    ) -> None:
        """Start without a connection.

        Args:
            config: the servers, and how requests are sent.
            model: the model's name at the servers.
            notify: receives sentences about the servers.

        Raises:
            InputError: no URL.
        """
        config.check()
        self._config, self._model, self._notified = config, model, set[str]()
        self._tell = notify
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: list[Any] = []
        self.dialect = Dialect(self.notify, fixed=config.extra)
        self.balancer = LoadBalancer(
            [Server(url) for url in config.urls],
            concurrency=config.concurrency,
            outage_timeout_s=config.outage_timeout_s,
        )

    def notify(self, sentence: str) -> None:
        """Pass a sentence on, unless it was passed on before."""
        if sentence not in self._notified:
            self._notified.add(sentence)
            self._tell(sentence)

    @asynccontextmanager
    async def ask(
        self, body: Mapping[str, Any], *, chat: bool, server: Server | None = None, learn: bool = True
    ) -> AsyncIterator[tuple[Server, AsyncIterator[Mapping[str, Any]], EventReader]]:
        """Send a request, without the fields that the servers refuse, and yield the server and its JSON objects.

        Args:
            body: the request's body.
            chat: whether the request is chat messages.
            server: the one to ask; None asks the least loaded one.
            learn: whether to leave out a field that the server refuses, and ask again.

        Raises:
            InputError: the server refuses the key, or does not serve the model, so that every request would fail.
            EngineError: any other failure; it is final if the server refuses the request itself.
        """
        several = server is None and len(self.balancer.servers) > 1
        async with self.lend(server, _prompt_of(body) if several else None) as lent:
            while True:
                sent = self.dialect.apply(body)
                manager = create(lent.client, chat, sent)
                try:
                    response = await manager.__aenter__()
                    break
                except Exception as error:
                    again = self.dialect.learn(error, sent, body) if learn and hasattr(error, "status_code") else None
                    if again is None:
                        raise
                    body = again
            try:
                reader = EventReader(lent.url)
                yield lent, _objects(response, reader), reader
            finally:
                await manager.__aexit__(None, None, None)

    @asynccontextmanager
    async def lend(self, server: Server | None = None, prompt: int | None = None) -> AsyncIterator[Server]:
        """Lend a server with a client for one request.

        Args:
            server: the one to lend; None lends the prompt's own one, else the least loaded one.
            prompt: a number that stands for the prompt.

        Raises:
            InputError: the server refuses the key, or does not serve the model, so that every request would fail.
            EngineError: any other failure; it is final if the server refuses the request itself.
        """
        import openai

        await self.connect()
        async with self.balancer.lend(prompt) if server is None else _itself(server) as lent:
            try:
                yield lent
                self.balancer.mark_up(lent)
            except openai.APIStatusError as error:
                raise self._refusal(lent.url, error) from None
            except _connection_errors() as error:
                reason = connection_words(lent.url, error)
                self.balancer.mark_down(lent, reason)
                raise EngineError(f"{lent.url} does not answer ({reason})") from error
            except openai.APIError as error:
                raise EngineError(f"{lent.url} failed ({error_message(error)})") from error

    def _refusal(self, url: str, error: Any) -> InputError | EngineError:
        """Return the error that stands for a status other than 200."""
        words, status = error_message(error), error.status_code
        if status == 401 or (status == 403 and "model" not in words.lower()):
            return KeyRefusedError(key_sentence(url, words, self._config.key_env))
        if status in (403, 404, 405):
            return InputError(
                f"{url} has no model {self._model} or no such route ({words}): correct engine.model or "
                f"engine.openai.urls{address_hint(url)}"
            )
        if status == 402 or is_out_of_quota(words):
            return EngineError(f"{url} refuses a request ({words})", again=False)
        if 400 <= status < 500 and status not in (408, 409, 429):
            return EngineError(f"{url} refuses a request ({words})", again=False)
        return EngineError(f"{url} failed ({words})")

    def _client(self, url: str) -> Any:
        import httpx2
        import openai

        most, wait = self._config.concurrency, self._config.timeout_s
        limits = httpx2.Limits(max_connections=most, max_keepalive_connections=most)
        http = openai.DefaultAioHttpClient(
            base_url=url, limits=limits, event_hooks={"response": [_spare_retries]}, verify=_certificates()
        )
        return openai.AsyncOpenAI(
            base_url=url,
            http_client=http,
            api_key=os.environ.get(self._config.key_env) or "none",  # servers without keys take any
            timeout=httpx2.Timeout(wait, connect=min(wait, CONNECT_S)),
            max_retries=self._config.retries,
        )

    def moved(self, server: Server, url: str) -> Server:
        """Return a server at another address, connected to the running event loop; its load is its own."""
        moved = Server(url, client=self._client(url))
        self._clients.append(moved.client)
        return moved

    def replace(self, server: Server, by: Server) -> None:
        """Ask another server from now on."""
        server.url, server.client = by.url, by.client

    async def connect(self) -> None:
        """Make clients for this event loop, unless there are some."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            for server in self.balancer.servers:
                server.client = self._client(server.url)
            self._clients = [server.client for server in self.balancer.servers]
            closing = _closing(self._clients)
            _OPEN.setdefault(loop, []).append(closing)
            await anext(closing)


@cache
def _certificates() -> ssl.SSLContext:
    """Return the certificates that all clients of this process check servers against; reading them takes 50 ms."""
    import httpx2

    return httpx2.create_ssl_context()


async def _objects(response: Any, reader: EventReader) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the JSON objects of an answer.

    Raises:
        EngineError: an event that is no JSON, or an answer that is something else.
    """
    async for piece in response.iter_bytes():
        for data in reader.feed(piece):
            yield data
        if reader.done:
            return
    for data in reader.close():
        yield data
    if not reader.any and not reader.done:
        words = server_words(reader.foreign)
        raise EngineError(f"the server answers {words or 'nothing'} instead of OpenAI's interface")


async def _spare_retries(response: Any) -> None:
    """Let the client repeat no request that an empty account refuses."""
    if response.status_code == 429:
        await response.aread()
        if is_out_of_quota(response.text):
            response.headers["x-should-retry"] = "false"


@asynccontextmanager
async def _itself(server: Server) -> AsyncIterator[Server]:
    yield server


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


def _prompt_of(body: Mapping[str, Any]) -> int:
    """Return a number that stands for the prompt of a request, the same for each draw of a question."""
    return hash(json.dumps(body.get("messages", body.get("prompt")), sort_keys=True, default=str))


def is_unreachable(error: BaseException) -> bool:
    """Return whether a client's error means that there was no connection at all."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def _connection_errors() -> tuple[type[Exception], ...]:
    """Return the errors of a connection that is refused or that breaks in the middle of an answer."""
    import httpx2
    import openai

    return (openai.APIConnectionError, httpx2.TransportError, httpx2.StreamError, httpx2.DecodingError)
