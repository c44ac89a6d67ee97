"""The ``tts`` command: its entry point, its errors and its terminal.

Bad input prints one sentence on standard error and exits with status 2. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING

import typer

from tts.errors import TTSError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="tts",
    help="Test-time scaling: more correct answers from fewer samples.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; the entry point of the ``tts`` script.

    Status 0: done. 1: whoever read the output closed it. 2: bad input, one sentence. 130: Ctrl-C.
    """
    if sys.stdout is None:  # closed by whoever started this
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal cannot show is no reason to stop
    try:
        status = app(prog_name="tts", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # the output: what is left of it goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        print(_sentence(error), file=sys.stderr)
        raise SystemExit(2) from None
    if status:
        raise SystemExit(status)


@contextmanager
def interruptible() -> Iterator[None]:
    """Print what an interrupted run has to say before Ctrl-C ends the command."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            print(f"tts: {interrupt}", file=sys.stderr, flush=True)
        raise


def _sentence(error: Exception) -> str:
    """What to tell a person about bad input; anything else is a bug and raised again with its traceback."""
    if isinstance(error, TTSError):
        return f"tts: {error}"
    if isinstance(error, MemoryError):
        return "tts: not enough memory: ask for fewer permutations or replicates, or a smaller pool"
    if isinstance(error, OSError):
        return f"tts: {error.filename or 'standard output'}: {error.strerror or error}"
    if not hasattr(error, "format_message"):
        raise error
    # A usage error: click's own class or typer's copy of it, as the version of typer has it.
    message = str(error.format_message())
    if message.startswith("Usage:"):  # the whole help, where no command was given
        return message
    message = " ".join(message.split()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    return f"tts: {message}; see `{ctx.command_path if ctx else 'tts'} --help`"


def console() -> Console:
    """Where tables go: the terminal's width, or 120 columns where there is none; names are no markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(width=width, markup=False, emoji=False, highlight=False)
