"""Files that a report leaves: written whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.report.comparison import to_json
from tts.files import atomic_path


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a mapping as JSON; a file name that is no UTF-8 becomes an escape.

    Raises:
        InputError: the file cannot be written.
    """
    text = to_json(content)
    with atomic_path(path) as temp:
        temp.write_text(text, encoding="utf-8", errors="backslashreplace")
