"""Connections to a model's servers, and the meaning of their errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tts.engines.openai.answers.wire import EventReader
from tts.engines.openai.config import OpenAIConfig
from tts.engines.openai.failures import (
    address_hint,
    connection_words,
    error_message,
    is_out_of_quota,
    key_sentence,
    server_words,
)
from tts.engines.openai.fleet.balancer import LoadBalancer, Server
from tts.engines.openai.fleet.server_list import ServerList
from tts.engines.openai.fleet.watch import Watch
from tts.engines.openai.http_client import connection_errors, make_client
from tts.engines.openai.refusals import Dialect
from tts.engines.openai.request_body import create
from tts.errors import REFUSED, EngineError, InputError, KeyRefusedError, ServerRefusesError
from tts.types import Problem

REPEATED = (408, 409, 429, 500)
"""Statuses after which a server is asked again."""
DRAINING = (502, 503, 504)
"""Statuses of a server that ends, or of a proxy without one; others of a fleet are asked instead."""


class Connections:
    """Clients of one model's servers; they belong to the event loop that uses them.

    Attributes:
        balancer: chooses the server of a request.
        dialect: the form of the requests that the servers take.
        watch: looks after servers that join, fail and leave; None for one server that stays.
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
            InputError: no URL, or a file or a name that gives none.
        """
        config.check()
        listed = ServerList(config)
        urls = listed.read()
        self._config, self._model, self._notified = config, model, set[str]()
        self.tell = notify
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: list[Any] = []
        self.watch = Watch(self, listed, config) if len(urls) > 1 or config.changes else None
        self.dialect = Dialect(self.notify, fixed=config.extra)
        self.balancer = LoadBalancer(
            [Server(url, url) for url in urls],
            concurrency=config.concurrency,
            outage_timeout_s=config.outage_timeout_s,
            max_pause_s=None if self.watch is None else config.refresh_s,
            watched=self.watch is not None,
        )
        for fault in listed.faults:
            self.notify(fault)

    def notify(self, sentence: str) -> None:
        """Pass a sentence on, unless it was passed on before."""
        if sentence not in self._notified:
            self._notified.add(sentence)
            self.tell(sentence)

    @asynccontextmanager
    async def ask(
        self,
        body: Mapping[str, Any],
        *,
        chat: bool,
        server: Server | None = None,
        learn: bool = True,
        prompt: int | None = None,
    ) -> AsyncIterator[tuple[Server, AsyncIterator[Sequence[Mapping[str, Any]]], EventReader]]:
        """Send a request, without the fields that the servers refuse, and yield the server and its JSON objects.

        Those that come together are one item.

        Args:
            body: the request's body.
            chat: whether the request is chat messages.
            server: the one to ask; None asks the least loaded one.
            learn: whether to leave out a field that the server refuses, and ask again.
            prompt: a number that stands for the question's prompt, with which the request's own may only begin; None
                takes the whole prompt of the request.

        Raises:
            ServerRefusesError: the server refuses the key, or does not serve the model, so that every request would
                fail.
            EngineError: any other failure; it is final if the server refuses the request itself.
        """
        if prompt is None and server is None and self.watch is not None:
            prompt = _prompt_of(body)
        async with self.lend(server, prompt) as lent:
            at_once = server is None and self.watch is not None
            while True:
                sent = self.dialect.apply(body)
                manager = create(lent.at_once if at_once else lent.client, chat, sent)
                try:
                    response = await manager.__aenter__()
                    break
                except Exception as error:
                    if at_once and getattr(error, "status_code", None) in REPEATED:
                        at_once = False  # it is up, so that it is waited for
                        continue
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
            ServerRefusesError: the server refuses the key, or does not serve the model, so that every request would
                fail.
            EngineError: any other failure; it is final if the server refuses the request itself.
        """
        await self.connect()
        lent: Server | None = None
        try:
            async with (
                self.balancer.lend(prompt) if server is None else _itself(server) as lent,
                self._understood(lent, alone=server is not None),
            ):
                yield lent
        finally:
            if lent is not None and lent.left and not lent.running:
                await self.close(lent)

    @asynccontextmanager
    async def _understood(self, lent: Server, *, alone: bool) -> AsyncIterator[None]:
        """Turn the client's errors into those of an engine, and record what they say of the server.

        Args:
            lent: the server.
            alone: whether the request is for this server alone, and no other could answer it.
        """
        import openai

        try:
            yield
            self.balancer.mark_up(lent)
        except openai.APIStatusError as error:
            raise self._refusal(lent, error, alone) from None
        except connection_errors() as error:
            reason = connection_words(lent.url, error)
            self.balancer.mark_down(lent, reason)
            raise EngineError(f"{lent.url} does not answer ({reason})") from error
        except openai.APIError as error:
            raise EngineError(f"{lent.url} failed ({error_message(error)})") from error

    def _refusal(self, server: Server, error: Any, alone: bool) -> InputError | EngineError:
        """Return the error that stands for a status other than 200."""
        url, words, status = server.url, error_message(error), error.status_code
        if status == 401 or (status == 403 and "model" not in words.lower()):
            return KeyRefusedError(key_sentence(url, words, self._config.key_env))
        if status in (403, 404, 405):
            if not alone and self.balancer.has_others(server):
                server.known = False
                self.balancer.mark_down(server, words)
                return EngineError(f"{url} has no model {self._model} any more ({words})")
            return ServerRefusesError(
                f"{url} has no model {self._model} or no such route ({words}): correct engine.model or "
                f"engine.openai.urls{address_hint(url)}"
            )
        if status == 402 or is_out_of_quota(words):
            return EngineError(f"{url} refuses a request ({words})", again=False)
        if 400 <= status < 500 and status not in (408, 409, 429):
            return EngineError(f"{url} refuses a request ({words})", again=False, failure=REFUSED)
        if status in DRAINING and self.watch is not None:
            self.balancer.mark_down(server, words)
        return EngineError(f"{url} failed ({words})")

    def moved(self, server: Server, url: str) -> Server:
        """Return a server at another address, connected to the running event loop; its load is its own."""
        moved = Server(url, server.listed)
        self.open(moved)
        return moved

    def open(self, server: Server) -> None:
        """Give a server a client of the running event loop."""
        server.client = make_client(server.url, self._config, _spare_retries)
        server.at_once = server.client.with_options(max_retries=0)
        self._clients.append(server.client)

    async def close(self, server: Server) -> None:
        """Close the client of a server that has left."""
        if server.client in self._clients:
            self._clients.remove(server.client)
            await server.client.close()

    def replace(self, server: Server, by: Server) -> None:
        """Ask another server from now on."""
        server.url, server.client, server.at_once = by.url, by.client, by.at_once

    async def connect(self) -> None:
        """Make clients for this event loop, unless there are some."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._clients = loop, []
            for server in self.balancer.servers:
                self.open(server)
            closing = _closing(self._clients, self.watch)
            _OPEN.setdefault(loop, []).append(closing)
            await anext(closing)


async def _objects(response: Any, reader: EventReader) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield the JSON objects of an answer, those that come together as one item.

    Raises:
        EngineError: an event that is no JSON, or an answer that is something else.
    """
    async for piece in response.iter_bytes():
        if found := reader.feed(piece):
            yield found
        if reader.done:
            return
    if found := [*reader.close()]:
        yield found
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


async def _closing(clients: list[Any], watch: Watch | None) -> AsyncIterator[None]:
    """Watch the servers until the event loop ends, and close the clients then, as it ends asynchronous generators."""
    watching = None if watch is None else watch.start()
    try:
        yield
    finally:
        if watching is not None:
            watching.cancel()
            await asyncio.wait((watching,))
        for client in clients:
            await client.close()
        _OPEN.pop(asyncio.get_running_loop(), None)


def prompt_number(problem: Problem) -> int:
    """Return a number that stands for the prompt of a question, with which every request about it begins."""
    return hash((problem.question, problem.messages))


def _prompt_of(body: Mapping[str, Any]) -> int:
    """Return a number that stands for the prompt of a request, the same for each draw of a question."""
    return hash(json.dumps(body.get("messages", body.get("prompt")), sort_keys=True, default=str))
