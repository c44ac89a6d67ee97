"""A ``tts serve`` process, its processor time and memory, and a light client of HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import psutil

HOST = "127.0.0.1"
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
REQUEST_ID = re.compile(rb"\r\nx-request-id: (\S+)", re.IGNORECASE)


class ServeProcess:
    """A process of ``tts serve`` on a free port.

    Attributes:
        url: ends with /v1.
        port: the port.
    """

    def __init__(self, *arguments: str) -> None:
        """Start the process, and return once it accepts connections.

        Args:
            arguments: those of the command.

        Raises:
            RuntimeError: it did not start.
        """
        command = [sys.executable, "-m", "tts.cli", "serve", "--quiet", *arguments, "serve.port=0"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        found = re.search(r"on (http://\S+:(\d+)/v1)$", self._process.stdout.readline())
        if found is None:
            self._process.kill()
            raise RuntimeError(f"`tts serve` did not start: run it in a terminal with {' '.join(arguments)}")
        self.url, self.port = found[1], int(found[2])
        self._seen = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process, unless it has ended."""
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the process, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def wait(self) -> int:
        """Wait until the process ends by itself, at most a minute, and return its exit status."""
        return self._process.wait(60)

    @property
    def processor_s(self) -> float:
        """The seconds of processor time that the process has used."""
        times = self._seen.cpu_times()
        return float(times.user + times.system)

    @property
    def memory_mb(self) -> float:
        """The memory of the process, in MB."""
        return float(self._seen.memory_info().rss) / 1e6


class Light:
    """A client that keeps one connection, sends whole requests, and reads whole answers, and does nothing else."""

    def __init__(self, port: int) -> None:
        """Start without a connection."""
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: Mapping[str, Any], request_id: str = "") -> tuple[int, str, bytes]:
        """Return the status, the request's id and the body of an answer.

        Args:
            path: the path, with /v1.
            body: the JSON of the request.
            request_id: names the request; empty lets the server choose.
        """
        await self.send(path, body, request_id)
        return await self.read()

    async def read(self) -> tuple[int, str, bytes]:
        """Return the status, the request's id and the body of the answer to what was sent."""
        assert self._streams is not None
        reader = self._streams[0]
        head = await reader.readuntil(b"\r\n\r\n")
        status, length, named = HEAD.match(head), LENGTH.search(head), REQUEST_ID.search(head)
        assert status is not None and named is not None, head
        if length is not None:
            content = await reader.readexactly(int(length[1]))
        else:
            content = b""
            while size := int(await reader.readline(), 16):
                content += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readexactly(2)
        return int(status[1]), named[1].decode(), content

    async def send(
        self, path: str, body: Mapping[str, Any], request_id: str = ""
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request and return both ends of the connection."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port)
        text = json.dumps(body).encode()
        named = f"x-request-id: {request_id}\r\n" if request_id else ""
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n{named}"
        self._streams[1].write(f"{head}content-length: {len(text)}\r\n\r\n".encode() + text)
        await self._streams[1].drain()
        return self._streams

    def leave(self) -> None:
        """Close the connection at once."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
