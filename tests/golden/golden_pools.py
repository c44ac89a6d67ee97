"""Stored pools of the golden tests, and their contents as plain JSON values."""

from __future__ import annotations

import gzip
import math
import shutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from tts.pool import PoolStore, load_pool

HERE = Path(__file__).parent
POOLS = HERE / "formats"
"""Pools in every format that is read; SQLite files are gzipped."""


def stored(name: str, folder: Path) -> Path:
    """A stored pool as a file that can be read: SQLite files are unpacked into the folder, others stay in place."""
    if not name.endswith(".sqlite.gz"):
        return POOLS / name
    path = folder / name.removesuffix(".gz")
    with gzip.open(POOLS / name) as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


def read_back(path: Path) -> list[Any]:
    """Everything a pool file holds as plain values: each run with its key, or the one pool of a file without runs."""
    if path.suffix != ".sqlite":
        return [{"entries": plain(load_pool(path).entries)}]
    with PoolStore.read(path) as store:
        runs = store.runs()
    return [
        {
            "run": {"id": run.id, "key": plain(run.key), "config": plain(run.config), "samples": run.samples},
            "entries": plain(load_pool(path, run=run.id).entries) if run.samples else [],
        }
        for run in runs
    ]


def plain(value: Any) -> Any:
    """Data as JSON values: a field by its name, a float that JSON lacks as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, str) else value
