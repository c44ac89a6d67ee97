"""Gateways on a free port: in this process, and as a ``tts serve`` process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Gateway:
    """A server that runs.

    Attributes:
        url: ends with /v1.
    """

    url: str

    @property
    def root(self) -> str:
        """The URL without /v1."""
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.root.rpartition(":")[2])


@dataclass
class LocalGateway(Gateway):
    """A server in this process.

    Attributes:
        models: its models.
        server: the server.
    """

    models: Any
    server: Any

    @property
    def state(self) -> Any:
        """Its state."""
        return self.server.app.state.gateway


@dataclass
class GatewayProcess(Gateway):
    """A ``tts serve`` process.

    Attributes:
        process: the process.
        log: its standard error.
    """

    process: subprocess.Popen[str]
    log: Path

    def stop(self) -> int:
        """End the server and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def local_gateway(*arguments: str) -> Iterator[LocalGateway]:
    """Run a server in the event loop of this process's engines.

    Args:
        arguments: files and ``key=value``, as those of ``tts serve``.
    """
    from tts.serve.models import open_models
    from tts.serve.run import Server

    files = [Path(argument) for argument in arguments if "=" not in argument]
    overrides = [argument for argument in arguments if "=" in argument]
    models, config = open_models(files, [*overrides, "serve.port=0"])
    server = Server(models, config)
    try:
        yield LocalGateway(server.url, models, server)
    finally:
        server.end(0.0)
        assert server.ended.wait(20)


@contextmanager
def gateway(folder: Path, *arguments: str, **env: str) -> Iterator[GatewayProcess]:
    """Run ``tts serve`` with arguments; its log is written to a folder.

    Args:
        folder: an empty folder.
        arguments: those of the command; the port is a free one.
        env: further variables of the environment.
    """
    log = folder / "serve.log"
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path)
    options: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": paths, **env}, "stdout": subprocess.PIPE}
    with log.open("w") as err:
        command = [sys.executable, "-m", "tts.cli", "serve", *arguments, "serve.port=0"]
        process = subprocess.Popen(command, stderr=err, text=True, **options)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"serving .* on (http://\S+/v1)\n", line)
        assert found is not None, log.read_text()
        server = GatewayProcess(found[1], process, log)
        yield server
        server.stop()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(server: Gateway, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Return the status, headers and JSON of one request over a connection of its own.

    Args:
        server: the server.
        method: the method.
        path: the path, with /v1 where it has one.
        body: JSON, or a text as it is; None sends none.
        headers: by name, with underscores.
    """
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    given = {"content-type": "application/json", **headers} if text is not None else headers
    connection.request(method, path, text, {name.replace("_", "-"): value for name, value in given.items()})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, json.loads(answer.read())
    connection.close()
    return found
