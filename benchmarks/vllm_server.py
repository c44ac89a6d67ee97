"""vLLM's server of a model in its own process group, and its token counters."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from tts.models.bundled import weights

START_TIMEOUT_S = 600.0


class VllmServer:
    """A running server.

    Attributes:
        port: its port on 127.0.0.1.
        root: its address, without the /v1 of OpenAI's interface.
    """

    def __init__(
        self,
        model: str,
        *options: str,
        port: int | None = None,
        folder: Path | None = None,
        dtype: str = "float32",
    ) -> None:
        """Start a server as vLLM's documentation says, and wait until it is ready.

        Args:
            model: its name at the server.
            options: further options of vLLM's command.
            port: a free port; None chooses one.
            folder: of the model; None for the bundled model of that name.
            dtype: of the weights.

        Raises:
            RuntimeError: it did not start.
        """
        self.port = free_port() if port is None else port
        self.root = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model"]
        command += [str(weights(model) if folder is None else folder)]
        command += ["--served-model-name", model, "--port", str(self.port), "--dtype", dtype, "--enforce-eager"]
        command += ["--block-size", "32", "--enable-prompt-tokens-details", *options]
        environment = {"VLLM_CPU_KVCACHE_SPACE": "1", **os.environ, "VLLM_LOGGING_LEVEL": "ERROR"}
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, env=environment, stdout=nothing, stderr=nothing, start_new_session=True
        )
        try:
            self._wait_ready()
        except BaseException:
            self.kill()
            raise

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.root}/health", timeout=5):
                return
            time.sleep(0.3)
        raise RuntimeError("vLLM's server did not start: run the command of benchmarks/vllm_server.py in a terminal")

    def count(self, *names: str) -> int:
        """Return the sum of some of the server's own counters, such as ``prompt_tokens_total``."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = [re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE) for name in names]
        return round(sum(float(value) for values in found for value in values))

    def tokens(self) -> tuple[int, int]:
        """Return the tokens that the server has read (found in its cache or not) and drawn."""
        return self.count("prompt_tokens_total"), self.count("generation_tokens_total")

    def wait_idle(self, *, timeout_s: float = 60.0) -> None:
        """Wait until the server has no request and its token counters stand still."""
        deadline, last = time.monotonic() + timeout_s, None
        while time.monotonic() < deadline:
            busy = self.count("num_requests_running", "num_requests_waiting")
            if last == (last := self.tokens()) and not busy:
                return
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask the server to end, and wait for it."""
        self._process.terminate()
        self._process.wait()

    def kill(self) -> None:
        """Kill the server and its engine's process at once; do nothing if it has been killed."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
