"""The MCP server over stdio: nothing but messages on standard output, and an end with the stream or a signal."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from mcp.server.mcpserver import MCPServer

from tts.agent.opening import close
from tts.engines.loop import LOOP


@contextmanager
def kept_stdout() -> Iterator[Callable[[], None]]:
    """Send everything that is written to standard output to standard error, and yield what gives it back.

    Models print while they open, and libraries while they end; a client would take that for a message.
    """
    wire = os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)

    def give_back() -> None:
        sys.stdout.flush()
        os.dup2(wire, 1)

    try:
        yield give_back
    finally:
        os.dup2(2, 1)  # for good: what is buffered now is no message
        os.close(wire)


def serve_stdio(server: MCPServer[Any]) -> None:
    """Serve until the client closes the stream; calls that are in progress then are cancelled.

    SIGTERM and SIGINT close the models and end the process at once: a read of standard input cannot be cancelled.

    Args:
        server: the server; standard output is the client's.
    """
    ended = threading.Event()
    signals: list[int] = []

    def stop(number: int, _: object) -> None:
        signals.append(number)
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    running = LOOP.submit(server.run_stdio_async())
    running.add_done_callback(lambda _: ended.set())
    while not ended.wait(0.5):  # a wait without an end holds signals up
        pass
    if signals:
        _exit(128 + signals[0])
    running.result()


def _exit(status: int) -> NoReturn:
    """Close the models and end the process without waiting for threads that read."""
    close()
    os._exit(status)
