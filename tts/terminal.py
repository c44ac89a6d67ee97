"""Terminals: control characters, escape sequences and marks of direction of a text are shown, not sent.

Texts of models may hold them. :func:`shown_output` guards standard output for whatever prints to it, and
:func:`open_console` is the one place that makes a console of rich, whose own styles reach the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any, TextIO, cast

from tts.wording import visible

if TYPE_CHECKING:
    from rich.console import Console


class VisibleStream:
    """A text stream that shows control characters; all but writing is that of the stream behind it.

    Attributes:
        raw: the stream behind it.
    """

    def __init__(self, raw: TextIO) -> None:
        """Take the stream behind it."""
        self.raw = raw

    def write(self, text: str) -> int:
        """Write a text with its control characters shown; line feeds and tabs stay."""
        self.raw.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts one by one."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the stream behind it."""
        return getattr(self.raw, name)


def raw_stream(stream: TextIO) -> TextIO:
    """Return the stream behind a :class:`VisibleStream`, or the stream itself."""
    return stream.raw if isinstance(stream, VisibleStream) else stream


@contextmanager
def shown_output() -> Iterator[None]:
    """Show control characters of all that is printed to standard output within the block."""
    with redirect_stdout(cast(TextIO, VisibleStream(sys.stdout))):
        yield


def open_console(stream: TextIO, **settings: Any) -> Console:
    """Return a console that reads no markup; control characters of its texts are shown, its styles are sent.

    Args:
        stream: standard output or standard error.
        settings: those of rich.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

    class VisibleConsole(Console):
        def render_str(self, text: str, **more: Any) -> Text:
            return super().render_str(visible(text), **more)

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    return VisibleConsole(file=raw_stream(stream), markup=False, emoji=False, highlight=False, **settings)
