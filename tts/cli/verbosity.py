"""The amount of text beside the results: ``--quiet`` and ``--log-level``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tts.errors import unknown_name
from tts.terminal import VisibleStream

LEVELS = ("debug", "info", "warning", "error")
_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


def set_quiet(on: bool) -> None:
    """Print results and errors alone from now on, or progress and notices too."""
    _QUIET.set(on)


def is_quiet() -> bool:
    """Return True if progress and notices are not wanted."""
    return _QUIET.get()


def set_log_level(level: str) -> None:
    """Log the records of this level and above to standard error.

    Raises:
        InputError: an unknown level.
    """
    if level.lower() not in LEVELS:
        raise unknown_name("log level", level, LEVELS)
    logging.basicConfig(
        stream=VisibleStream(sys.stderr),
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )


@contextmanager
def shown_work() -> Iterator[None]:
    """Show the phases of a block where they take more than about a second, on a terminal, unless the command is quiet.

    They are taken away at the end of the block; what it prints goes after it.
    """
    if is_quiet() or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    from evals.progress.phases import brief_phases

    with brief_phases():
        yield


def notify(text: str) -> None:
    """Print one line on standard error, unless the command is quiet."""
    if not is_quiet():
        from evals.progress.display import notify as show

        show(text)
