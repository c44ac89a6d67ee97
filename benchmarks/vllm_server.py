"""vLLM's own server of a bundled model, and what it counted."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tts.engines.vllm.args import WORKER_EXTENSION
from tts.models.bundled import weights

TEMPLATE = "{{ bos_token }}{% for one in messages %}{{ one['content'] }}{{ '\n' }}{% endfor %}"
"""A chat that says no more than the prompt of the project's engines does."""


class Server:
    """vLLM's own, for as long as the process runs."""

    def __init__(self, port: int) -> None:
        """Its address."""
        self.root = f"http://127.0.0.1:{port}"

    def counted(self) -> tuple[int, int]:
        """Tokens read (found in its cache or not) and drawn, by its own counters."""
        with urllib.request.urlopen(f"{self.root}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        names = ("prompt_tokens_total", "generation_tokens_total")
        found = (re.findall(rf"^vllm:{name}{{.*}} (\S+)$", text, re.MULTILINE) for name in names)
        read, drawn = (round(sum(map(float, values))) for values in found)
        return read, drawn

    async def idle(self) -> None:
        """Wait until its counters stand still."""
        last = None
        while last != (last := self.counted()):
            await asyncio.sleep(0.5)


@contextmanager
def serving(model: str, rows: int) -> Iterator[Server]:
    """VLLM's server with a bundled model of which it draws so many samples at a time, ended with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        (template := Path(folder) / "chat.jinja").write_text(TEMPLATE)
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(weights(model))]
        command += ["--served-model-name", model, "--port", str(port), "--dtype", "float32", "--enforce-eager"]
        command += ["--block-size", "32", "--max-num-seqs", str(rows), "--chat-template", str(template)]
        command += ["--enable-prompt-tokens-details", "--disable-uvicorn-access-log"]
        command += ["--worker-extension-cls", WORKER_EXTENSION]
        quiet = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
        nothing = subprocess.DEVNULL
        process = subprocess.Popen(command, env={**os.environ, **quiet}, stdout=nothing, stderr=nothing)
        try:
            for _ in range(600):
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
                if process.poll() is not None:
                    raise SystemExit("vLLM's server did not start: try the command of this file in a terminal")
                time.sleep(0.5)
            yield Server(port)
        finally:
            process.terminate()
            process.wait()
