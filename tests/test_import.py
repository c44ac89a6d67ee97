"""Importing the core costs milliseconds and does nothing: no heavy module, thread, process or signal handler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "torch",
    "numpy",
    "scipy",
    "pyarrow",
    "matplotlib",
    "transformers",
    "vllm",
    "omegaconf",
    "typer",
    "rich",
    "fastapi",
    "mcp",
    "jsonschema",
)

WATCHED = """
import _thread, os, signal, sys
from importlib import import_module

started = []
def watch(event, args):
    if event in ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "subprocess.Popen",
                 "socket.connect"):
        started.append(event)
def start_new_thread(*args, **kwargs):
    started.append("thread")
sys.addaudithook(watch)
_thread.start_new_thread = start_new_thread
numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
before = {number: signal.getsignal(number) for number in numbers}
import_module(sys.argv[1])
assert not started, started
assert not os.path.isdir("/proc/self/task") or len(os.listdir("/proc/self/task")) == 1  # native ones, too
assert {number: signal.getsignal(number) for number in numbers} == before
loaded = sorted(set(sys.argv[2:]) & set(sys.modules))
assert not loaded, loaded
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path)
    return subprocess.run(
        [sys.executable, *arguments], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("tts", HEAVY),
        ("tts.pool", ("torch", "numpy", "scipy", "pyarrow", "filelock")),
        ("tts.cli", ("torch", "numpy", "scipy", "pyarrow", "matplotlib", "evals", "strategies")),
    ],
)
def test_importing_loads_nothing_heavy_and_starts_nothing(module: str, absent: tuple[str, ...]) -> None:
    done = python("-c", WATCHED, module, *absent)
    assert done.returncode == 0, done.stderr


def test_importing_takes_less_than_three_tenths_of_a_second_of_processor_time() -> None:
    code = "import time; start = time.process_time(); import tts; print(time.process_time() - start)"
    assert min(float(python("-c", code).stdout) for _ in range(3)) < 0.3


def test_importing_says_nothing_even_with_warnings_as_errors() -> None:
    done = python("-W", "error", "-c", "import tts, tts.pool, tts.cli, evals, strategies")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
