"""llama.cpp's server of SmolLM2-135M-Instruct in a process of its own, and its token counters."""

from __future__ import annotations

import re
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.vllm_server import free_port

ROOT = Path(__file__).resolve().parents[3]
MODEL = ROOT / ".models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
PYTHON = ROOT / ".venv-llama" / "bin" / "python"
NAME = "smollm2"
START_TIMEOUT_S = 60.0


class LlamaServer:
    """A running server.

    Attributes:
        root: its address, without the /v1 of OpenAI's interface.
    """

    def __init__(self, *, context: int = 1024, slots: int = 4) -> None:
        """Start a server and wait until it is ready; skip the test where there is no model or no server.

        Args:
            context: tokens of a prompt and its reply.
            slots: requests that it works on at the same time.

        Raises:
            RuntimeError: it did not start.
        """
        for path, target in ((MODEL, "smollm2"), (PYTHON, "llama")):
            if not path.exists():
                pytest.skip(f"{path.relative_to(ROOT)} is not there: make {target}")
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}"
        program = Path(__file__).with_name("serve.py")
        command = [PYTHON, program, MODEL, NAME, self.port, context, slots]
        self._process = subprocess.Popen(
            [str(one) for one in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.root}/health", timeout=5):
                return
            time.sleep(0.1)
        self.kill()
        raise RuntimeError(f"llama.cpp's server did not start: {' '.join(map(str, command))}")

    @property
    def url(self) -> str:
        """Its address for ``engine.openai.urls``."""
        return f"{self.root}/v1"

    def tokens(self) -> tuple[int, int]:
        """Return the tokens that the server has read (found in its cache or not) and drawn."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = {name: float(value) for name, value in re.findall(r"^llamacpp:(\w+) (\S+)$", text, re.MULTILINE)}
        read = found["prompt_tokens_total"] + found["prompt_tokens_cached_total"]
        return round(read), round(found["tokens_predicted_total"])

    def kill(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait()
