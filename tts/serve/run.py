"""Running the gateway: uvicorn in the event loop that owns every engine, signals in the main thread."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from tts.engines.loop import LOOP
from tts.engines.openai.fleet.protocol import HasServers
from tts.errors import InputError
from tts.serve.app import create_app
from tts.serve.config import ServeConfig
from tts.serve.connection import Connection
from tts.serve.kept import open_kept
from tts.serve.listening import listening
from tts.serve.models import Models
from tts.serve.state import State

LOG = logging.getLogger("tts.serve")
LAST_S = 5
"""Seconds for the last bytes of answers once every question has decided."""


class Server:
    """A gateway that runs in the event loop of the engines.

    Attributes:
        app: the application.
        url: its address, with /v1.
        ended: set once it has ended.
    """

    def __init__(self, models: Models, config: ServeConfig) -> None:
        """Listen, and return once connections are accepted.

        Raises:
            InputError: the address cannot be listened on, or is reached from other machines and there are no keys; or
                the pool cannot be written.
        """
        self.app: FastAPI = create_app(models, config)
        self._state: State = self.app.state.gateway
        if config.pool is not None:
            self._state.kept = LOOP.run(open_kept(config.pool))
        for model in models.values():
            if isinstance(model.parts.engine, HasServers):
                LOOP.run(model.parts.engine.connect())
        listening = _listening(config)
        host = f"[{config.host}]" if ":" in config.host else config.host
        self.url = f"http://{host}:{listening.getsockname()[1]}/v1"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=LAST_S,
                http=Connection,
                ws="none",
                proxy_headers=False,
            )
        )
        self.ended = threading.Event()
        self._listening = listening
        self._running = LOOP.submit(self._serve(listening))
        self._running.add_done_callback(lambda _: self.ended.set())
        LOOP.run(self._accepting())

    def end(self, grace_s: float) -> None:
        """Refuse new questions, and end once the others have decided, for which they have some seconds."""
        LOOP.submit(self._end(grace_s))

    def end_now(self) -> None:
        """End without waiting for questions."""
        self._server.force_exit = self._server.should_exit = True

    def result(self) -> None:
        """Wait for the end.

        Raises:
            Exception: the fault that ended the server.
        """
        self._running.result()

    async def _serve(self, listening: socket.socket) -> None:
        try:
            await self._server.serve(sockets=[listening])
        finally:
            if self._state.kept is not None:
                self._state.kept.close()

    async def _accepting(self) -> None:
        while not self._server.started and not self.ended.is_set():
            await asyncio.sleep(0.005)

    async def _end(self, grace_s: float) -> None:
        LOG.info("shutting down: %d questions have %g s", self._state.in_progress, grace_s)
        self._state.end(grace_s)
        loop = asyncio.get_running_loop()
        last = loop.time() + grace_s + LAST_S
        while self._state.in_progress and loop.time() < last:
            await asyncio.sleep(0.02)
        for close in self._state.closing:
            await close()
        await self._accept_last()
        self._server.should_exit = True

    async def _accept_last(self) -> None:
        """Take the connections that the system has accepted already, and refuse others from now on."""
        loop, state = asyncio.get_running_loop(), self._server.server_state
        waiting: list[socket.socket] = []
        with suppress(OSError):
            while True:
                waiting.append(self._listening.accept()[0])
        for server in self._server.servers:
            server.close()
        for one in waiting:
            one.setblocking(False)
            await loop.connect_accepted_socket(
                lambda: Connection(config=self._server.config, server_state=state, app_state={}), one
            )


def serve(models: Models, config: ServeConfig, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; then let running questions answer within ``grace_s`` seconds.

    A second signal ends it at once.

    Args:
        models: the open models.
        config: the configuration of the server.
        started: receives the URL once connections are accepted.

    Raises:
        InputError: as :class:`Server`.
    """
    server = Server(models, config)
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        signals.append(number)
        if len(signals) == 1:
            server.end(config.grace_s)
        else:
            server.end_now()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    started(server.url)
    try:
        while not server.ended.wait(0.5):  # a wait without an end holds signals up
            pass
        server.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listening(config: ServeConfig) -> socket.socket:
    """Return a socket at the configured address.

    Raises:
        InputError: it cannot be listened on.
    """
    try:
        return listening(config.host, config.port)
    except OSError as error:
        raise InputError(
            f"serve.host={config.host}, serve.port={config.port} cannot be listened on: {error.strerror or error}"
        ) from None
