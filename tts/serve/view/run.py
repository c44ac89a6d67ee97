"""Running a view: uvicorn in a thread, signals in the main thread."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn

from evals.view.page import ChartLibrary
from evals.view.session import View
from tts.errors import InputError
from tts.serve.connection import Connection
from tts.serve.listening import listening
from tts.serve.view.app import create_app

HOST = "127.0.0.1"
"""The address that a view listens on: other machines reach it by a tunnel alone."""
LAST_S = 2
"""Seconds for the last answers once the view ends."""


class ViewServer:
    """A view that is served.

    Attributes:
        url: its address, with the token.
        ended: set once it has ended.
    """

    def __init__(self, view: View, port: int, library: ChartLibrary | None = None) -> None:
        """Listen, and return once connections are accepted.

        Args:
            view: the runs; their numbers are computed while it is served.
            port: to listen on; 0 takes a free one.
            library: of the charts; None makes it.

        Raises:
            InputError: the port cannot be listened on.
        """
        sock = self._listening(port)
        number, token = sock.getsockname()[1], secrets.token_urlsafe(24)
        self.url, self.ended = f"http://{HOST}:{number}/?token={token}", threading.Event()
        self._view, self._library = view, ChartLibrary() if library is None else library
        app = create_app(view, self._library, token=token, cookie=f"tts_view_{number}")
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=LAST_S,
                http=Connection,
                ws="none",
                proxy_headers=False,
            )
        )
        self._thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
        self._thread.start()
        while not self._server.started and not self.ended.wait(0.005):
            pass
        view.start()

    def end(self) -> None:
        """Answer what has been asked, and end."""
        self._server.should_exit = True
        self._view.end()
        self._library.end()
        self._thread.join()

    def _serve(self, sock: socket.socket) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[sock]))
        finally:
            self.ended.set()

    @staticmethod
    def _listening(port: int) -> socket.socket:
        try:
            return listening(HOST, port)
        except OSError as error:
            raise InputError(
                f"port {port} of {HOST} cannot be listened on ({error.strerror or error}): give --port another number, "
                "or none for a free one"
            ) from None


def serve_view(view: View, port: int, started: Callable[[str], None]) -> None:
    """Serve a view until SIGTERM or SIGINT.

    Args:
        view: the runs.
        port: to listen on; 0 takes a free one.
        started: receives the address once connections are accepted.

    Raises:
        InputError: the port cannot be listened on.
    """
    server, stopped = ViewServer(view, port), threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in numbers}
    try:
        started(server.url)
        while not stopped.wait(0.5) and not server.ended.is_set():  # a wait without an end holds signals up
            pass
    finally:
        server.end()
        for number, handler in before.items():
            signal.signal(number, handler)
