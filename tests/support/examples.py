"""Numbers of hypothesis examples: a quarter by default, all of them where ``TTS_FULL`` is set (make test-slow)."""

from __future__ import annotations

import os

FULL = bool(os.environ.get("TTS_FULL"))


def examples(full: int) -> int:
    """Return the number of examples of this run, given that of a full one."""
    return full if FULL else max(5, full // 4)
