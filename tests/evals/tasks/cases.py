"""Questions in files for the tests of tasks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROWS = [{"question": f"What is {i} and {i}?", "answer": f"<<{i}+{i}={2 * i}>>It is.\n#### {2 * i}"} for i in range(40)]


def written(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)
