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
from tts.pool.upgrade import upgrade_pool

HERE = Path(__file__).parent
POOLS = HERE / "formats"
"""Pools in every format that is or was written; SQLite files are gzipped."""


def stored(name: str, folder: Path) -> Path:
    """Copy a stored pool into the folder, SQLite files unpacked, and upgrade it if it is of an older version."""
    path = folder / (name.removesuffix(".gz") if ".sqlite" in name else name)
    if path.suffix == ".sqlite":
        with gzip.open(POOLS / name) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file)
    else:
        shutil.copyfile(POOLS / name, path)
    upgrade_pool(path)
    return path


def read_back(path: Path) -> list[Any]:
    """Everything a pool file holds as plain values: each run with its key, or the one pool of a file without runs."""
    if path.suffix != ".sqlite":
        return [{"entries": plain(load_pool(path).entries)}]
    with PoolStore.read(path) as store:
        runs, scorers = store.runs(), store.scorers()
    return [
        {
            "run": {
                "id": run.id,
                "key": plain(run.key),
                "config": plain(run.config),
                "samples": run.samples,
                "signals": plain(run.signals),
                "reading": run.reading,
                "scorer": plain(scorers[run.scorers[-1]]) if run.scorers else None,
            },
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
