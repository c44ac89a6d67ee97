"""A ``tts serve`` process on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Gateway:
    """A server that runs.

    Attributes:
        url: ends with /v1.
        process: the process.
        log: its standard error.
    """

    url: str
    process: subprocess.Popen[str]
    log: Path

    @property
    def root(self) -> str:
        """The URL without /v1."""
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.root.rpartition(":")[2])

    def stop(self) -> int:
        """End the server and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def gateway(folder: Path, *arguments: str, **env: str) -> Iterator[Gateway]:
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
        server = Gateway(found[1], process, log)
        yield server
        server.stop()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
