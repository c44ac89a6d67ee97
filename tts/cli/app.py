"""The ``tts`` command: its entry point, its errors and its terminal.

Bad input prints one sentence on standard error and exits with status 2. Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from tts import __version__
from tts.cli.grammar import Command
from tts.cli.verbosity import set_log_level, set_quiet
from tts.errors import DrawsFailedError, TTSError
from tts.installation import check_packages
from tts.terminal import open_console, shown_output
from tts.wording import visible

if TYPE_CHECKING:
    from rich.console import Console

ORDER = (
    "ask",
    "run",
    "compare",
    "sample",
    "report",
    "show",
    "view",
    "score",
    "decide",
    "rerank",
    "answers",
    "reliability",
    "calibrate",
    "train",
    "pool",
    "strategies",
    "serve",
    "mcp",
    "config",
)
FRONT = """\
tts: more correct answers from fewer samples

  tts ask "Jack has 11 beads. ..."   answer one question
  tts run                            play strategies on a task, live
  tts compare POOL                   compare strategies on recorded samples
  tts sample                         record samples of a task in a pool
  tts train grace out=DIR            train a model to report its confidence

Each runs with the bundled model as it stands. `tts COMMAND --help` explains a
command, `tts config COMMAND` lists its configuration, `tts --help` the rest.
"""


class CommandGroup(TyperGroup):
    """The commands in the order in which they are used: answer, draw, compare, calibrate, then the rest."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in this order."""
        return sorted(super().list_commands(ctx), key=ORDER.index)


class App(typer.Typer):
    """A group of commands of one grammar; see :class:`tts.cli.grammar.Command`."""

    def command(
        self, name: str | None = None, *, examples: tuple[str, ...] = (), schema: str = "", **settings: Any
    ) -> Callable[[Any], Any]:
        """Register a function as a command.

        Args:
            name: its name; None takes the function's.
            examples: command lines that run, shown in its help.
            schema: "module:class" of its configuration; empty where it has none.
            settings: those of typer.
        """
        kind = type("Command", (Command,), {"examples": examples, "schema": schema})
        return super().command(name, cls=kind, **settings)


app = App(
    name="tts",
    cls=CommandGroup,
    help="Test-time scaling: more correct answers from fewer samples.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tts-rerank {__version__}")
        raise typer.Exit


@app.callback()
def front(
    ctx: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and errors alone.")] = False,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Log to standard error: debug, info, warning or error.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Test-time scaling: more correct answers from fewer samples."""
    set_quiet(quiet)
    if log_level is not None:
        set_log_level(log_level)
    if ctx.invoked_subcommand is None:
        print(FRONT, end="")


@cache
def command_tree() -> Any:
    """Return all commands as one, made once a process: it takes a third of the time of a short command."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; the entry point of the scripts ``tts`` and ``tts-rerank``.

    The exit status is 0 for success, 1 if draws failed or the reader of the output closed it, 2 for bad input, with
    one sentence on standard error, and 130 after Ctrl-C.
    """
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal may not know every character
    with shown_output():
        _run(Path(sys.argv[0]).name)


def _run(name: str) -> None:
    try:
        check_packages()
        status = command_tree()(prog_name=name if name == "tts-rerank" else "tts", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # standard output failed: discard the rest of it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(1) from None
        print(visible(_sentence(error)), file=sys.stderr)
        raise SystemExit(1 if isinstance(error, DrawsFailedError) else 2) from None
    if status:
        raise SystemExit(status)


@contextmanager
def interruptible() -> Iterator[None]:
    """Print the message of an interrupted run, if it has one, and let Ctrl-C end the command."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            print(visible(f"tts: {interrupt}"), file=sys.stderr, flush=True)
        raise


def _sentence(error: Exception) -> str:
    """Return one sentence about bad input; any other error is a bug and is raised again with its traceback."""
    if isinstance(error, TTSError):
        return f"tts: {error}"
    if isinstance(error, MemoryError):
        return "tts: not enough memory: ask for fewer permutations or replicates, or a smaller pool"
    if isinstance(error, OSError):
        return f"tts: {error.filename or 'standard output'}: {error.strerror or error}"
    if not hasattr(error, "format_message"):
        raise error
    # A usage error: click's class, or typer's copy of it in newer versions.
    message = str(error.format_message())
    if message.startswith("Usage:"):  # no command was given: the message is the whole help
        return message
    message = " ".join(message.split()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    return f"tts: {message}; see `{ctx.command_path if ctx else 'tts'} --help`"


def console() -> Console:
    """Return the console for tables, as wide as the terminal, or 120 columns without one; it reads no markup.

    With NO_COLOR in the environment it writes no escape codes at all.
    """
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else 120
    colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    return open_console(sys.stdout, width=width, color_system=colors)
