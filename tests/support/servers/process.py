"""A plain server of OpenAI's interface as a process of its own, which can be killed: ``PORT MODEL WORD_S``."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.request import urlopen

from tests.support.servers.plain import Body, PlainServer, RefusalError, serving

ROOT = Path(__file__).resolve().parents[3]


class NamedServer(PlainServer):
    """Serves one model, at a pace.

    Attributes:
        model: its name.
        word_s: seconds between two words.
    """

    def __init__(self, model: str = "m", word_s: float = 0.0) -> None:
        super().__init__()
        self.model, self.word_s = model, word_s

    def models(self) -> Any:
        return {"object": "list", "data": [{"id": self.model, "object": "model"}], "served": len(self.seen)}

    def check(self, body: Body) -> None:
        if body["model"] != self.model:
            raise RefusalError(404, f"The model `{body['model']}` does not exist.")

    def events(self, body: Body) -> Iterator[Any]:
        for event in super().events(body):
            time.sleep(self.word_s)
            yield event


class ServerProcess:
    """One server; it can be killed and started again at the same address."""

    def __init__(self, port: int, *, model: str = "m", word_s: float = 0.0) -> None:
        self.port, self._arguments = port, [str(port), model, str(word_s)]
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self, model: str | None = None) -> None:
        """Start it, and return once it answers."""
        if model is not None:
            self._arguments[1] = model
        command = [sys.executable, "-m", "tests.support.servers.process", *self._arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """End it in the middle of what it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def served(self) -> int:
        """Return the number of draws that it has begun since its start."""
        with urlopen(f"{self.url}/models", timeout=10) as answer:
            return int(json.load(answer)["served"])


def _main(port: str, model: str, word_s: str) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    with serving(NamedServer(model, float(word_s)), port=int(port)):
        print("ready", flush=True)
        signal.pause()


if __name__ == "__main__":
    _main(*sys.argv[1:])
