"""Helpers of the command line's tests: what a command came to, a process, a small pool and its comparison."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from evals.replay.synthetic import synthetic_pool
from tts.pool import Pool

ROOT = Path(__file__).resolve().parents[2]
FAST = ("permutations=10", "replicates=200")
POOL = synthetic_pool(questions=12, samples=8)
FAKE = ("engine.kind=fake", "engine.max_batch_size=4")
TASK = ("task.questions=10",)


class Ran(NamedTuple):
    """A finished command: its exit status and the text of both streams."""

    status: int
    out: str
    err: str


Tts = Callable[..., Ran]


def process(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start the command line in a separate process, which accepts Ctrl-C even if this one ignores it."""
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path)
    return subprocess.Popen(
        [sys.executable, "-m", "tts.cli", *map(str, arguments)],
        **{
            "env": {**os.environ, "PYTHONPATH": paths},
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "preexec_fn": partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            **options,
        },
    )


def compared(tts: Tts, pool: Path, *arguments: str | Path) -> dict[str, Any]:
    """Return the JSON of a comparison, read strictly."""
    target = pool.parent / "strict.json"
    ran = tts("compare", pool, *FAST, *arguments, "--json", target)
    assert (ran.status, ran.err) == (0, "")
    found = strict_json(target)
    target.unlink()
    return found


def strict_json(path: Path) -> dict[str, Any]:
    """Return a file's JSON, in which NaN and infinities are errors."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found: dict[str, Any] = json.loads(path.read_text(), parse_constant=refuse)
    return found


def changed(pool: Pool, change: Callable[[int, Any], Any]) -> Pool:
    """Return the pool with each entry put through ``change(number, entry)``."""
    return replace(pool, entries=tuple(change(i, entry) for i, entry in enumerate(pool.entries)))


def drawn_now(ran: Ran) -> tuple[int, int]:
    """Return (samples held, samples drawn now) as the last line of the command states them."""
    found = re.search(r"holds (\d+) samples, (\d+) of them drawn now", ran.out)
    assert found is not None, ran.err
    return int(found.group(1)), int(found.group(2))
