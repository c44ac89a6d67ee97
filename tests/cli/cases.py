"""What a command of the command line came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Ran(NamedTuple):
    status: int
    out: str
    err: str


Tts = Callable[..., Ran]
