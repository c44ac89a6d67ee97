"""Files that a report leaves: written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.report.comparison import to_json
from tts.files import atomic_path


@contextmanager
def json_file(path: Path, content: Mapping[str, Any]) -> Iterator[None]:
    """Write a mapping as JSON once the block ends without an error; a file name that is no UTF-8 becomes an escape.

    Raises:
        InputError: the file cannot be written.
    """
    with text_file(path, to_json(content)):
        yield


@contextmanager
def text_file(path: Path, text: str) -> Iterator[None]:
    """Write text once the block ends without an error; a character that is no UTF-8 becomes an escape.

    Raises:
        InputError: the file cannot be written.
    """
    with atomic_path(path) as temp:
        temp.write_text(text, encoding="utf-8", errors="backslashreplace")
        yield


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON, as :func:`json_file` does."""
    with json_file(path, content):
        pass
