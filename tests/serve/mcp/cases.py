"""A real ``tts mcp`` process, the SDK's client in front of it, and a slow server behind it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.support.servers.plain import Body, PlainServer

ROOT = Path(__file__).resolve().parents[3]
QUESTION = "What is number 3 ?"
FAKE = ("engine.kind=fake", "engine.model=fake")


def command(*arguments: str) -> list[str]:
    """Return the command of a server."""
    return [sys.executable, "-m", "tts.cli", "mcp", *arguments]


def environment(*folders: Path, **more: str) -> dict[str, str]:
    """Return variables of the environment with which the server finds this project."""
    given = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, folders), *([given] if given else [])]), **more}


def parameters(*arguments: str, folders: tuple[Path, ...] = (), **more: str) -> StdioServerParameters:
    """Return how the SDK's client starts a server."""
    first, *rest = command(*arguments)
    return StdioServerParameters(command=first, args=rest, env=environment(*folders, **more))


@asynccontextmanager
async def client(*arguments: str, errors: Path, folders: tuple[Path, ...] = (), **more: str) -> AsyncIterator[Client]:
    """Yield a client of a server of its own, whose standard error is written to a file."""
    with errors.open("a") as err:
        async with Client(stdio_client(parameters(*arguments, folders=folders, **more), errlog=err)) as connected:
            yield connected


class SlowServer(PlainServer):
    """A server that writes tokens for half a minute, until its client leaves.

    Attributes:
        open: draws that it writes now.
        most: the most at a time so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open = self.most = 0

    def events(self, body: Body) -> Iterator[Any]:
        if QUESTION not in body["messages"][-1]["content"]:  # asked for its features
            yield from super().events(body)
            return
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            for _ in range(3000):
                yield self.wrapped([{"index": 0, "delta": {"content": "word "}, "finish_reason": None}])
                time.sleep(0.01)
        finally:
            self.open -= 1


def behind(url: str) -> tuple[str, ...]:
    """Return the arguments of a server that draws from another."""
    return ("engine.kind=openai", "engine.model=m", f"engine.openai.urls=[{url}]", "task.chat=true", "budget=4")


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait until something is true, and return the seconds that it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "still not so"
        time.sleep(0.01)
    return time.monotonic() - began
