"""Numbers of hypothesis examples: a fifth by default, all where ``TTS_FULL`` is 1, a multiple where it is more.

``make test-slow`` sets 1, ``make soak`` 100.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

FULL = int(os.environ.get("TTS_FULL") or 0)


def examples(full: int) -> int:
    """Return the number of examples of this run, given that of a full one."""
    return full * FULL if FULL else max(5, full // 5)


def slowly(*values: Any) -> list[Any]:
    """Return values of a parametrised test, each marked slow; a tuple is the values of several parameters."""
    return [pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.slow) for v in values]
