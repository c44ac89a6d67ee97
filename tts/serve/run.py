"""Running the gateway: uvicorn in the event loop that owns every engine, signals in the main thread."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from tts.engines.loop import LOOP
from tts.errors import InputError
from tts.serve.app import create_app
from tts.serve.config import ServeConfig
from tts.serve.models import Models

LOG = logging.getLogger("tts.serve")
LAST_S = 5.0
"""Seconds for the last bytes of answers once every question has decided."""


def serve(models: Models, config: ServeConfig, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; then let running questions answer within ``grace_s`` seconds.

    A second signal ends it at once.

    Args:
        models: the open models.
        config: the configuration of the server.
        started: receives the URL once connections are accepted.

    Raises:
        InputError: the address cannot be listened on, or is reached from other machines and there are no keys.
    """
    app = create_app(models, config)
    listening = _listening(config)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=30,
            http="h11",
            ws="none",
            proxy_headers=False,
        )
    )
    ended = threading.Event()
    running = LOOP.submit(server.serve(sockets=[listening]))
    running.add_done_callback(lambda _: ended.set())
    LOOP.run(_accepting(server))
    host = f"[{config.host}]" if ":" in config.host else config.host
    started(f"http://{host}:{listening.getsockname()[1]}/v1")
    stopping: list[int] = []

    def stop(number: int, _: object) -> None:
        stopping.append(number)
        if len(stopping) == 1:
            LOOP.submit(_end(app, server))
        else:
            server.force_exit = server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        while not ended.wait(0.5):
            pass
        running.result()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _accepting(server: uvicorn.Server) -> None:
    """Return once the server accepts connections."""
    while not server.started and not server.should_exit:
        await asyncio.sleep(0.005)


async def _end(app: FastAPI, server: uvicorn.Server) -> None:
    """Refuse new questions, let the others finish, and end the server."""
    state = app.state.gateway
    LOG.info("shutting down: %d questions have %g s", state.in_progress, state.config.grace_s)
    state.end(state.config.grace_s)
    loop = asyncio.get_running_loop()
    last = loop.time() + state.config.grace_s + LAST_S
    while state.in_progress and loop.time() < last:
        await asyncio.sleep(0.02)
    server.config.timeout_graceful_shutdown = int(LAST_S)
    server.should_exit = True


def _listening(config: ServeConfig) -> socket.socket:
    """Return a socket at the configured address.

    Raises:
        InputError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((config.host.strip("[]"), config.port))
    except OSError as error:
        found.close()
        raise InputError(
            f"serve.host={config.host}, serve.port={config.port} cannot be listened on: {error.strerror or error}"
        ) from None
    return found
