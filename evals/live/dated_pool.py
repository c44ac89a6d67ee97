"""The pool of a run that names none: a dated file under ``runs/``, which the same run continues on the same day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from tts.errors import InputError
from tts.pool import PoolStore, RunKey

RUNS = "runs"
"""The folder of these pools."""


def pool_name(task: str, model: str, day: date) -> Path:
    """Return the name of the first pool of a day, such as ``runs/2026-01-02-stories-tiny.sqlite``.

    Args:
        task: the task's name, or its file.
        model: the model's name, or its directory.
        day: the date.
    """
    name = "-".join([day.isoformat(), Path(task).name.partition(".")[0], Path(model).name])
    return Path(RUNS) / (re.sub(r"[^\w.-]", "_", name) + ".sqlite")


def dated_pool(config: Mapping[str, Any], key: RunKey, *, names: tuple[str, str] | None = None) -> Path:
    """Return today's pool of a run; nothing is made yet.

    Another run of the same name has a file of its own: ``...-2.sqlite``, ``...-3.sqlite``.

    Args:
        config: the configuration, with the sections ``task`` and ``engine``.
        key: what the run's draws share.
        names: those of the task and the model; None takes the configuration's.
    """
    task = config["task"]
    usual = str(task["path"] or task["name"]), str(config["engine"]["model"])
    first = pool_name(*(usual if names is None else names), date.today())
    paths = (first if n == 1 else first.with_stem(f"{first.stem}-{n}") for n in count(1))
    return next(path for path in paths if not path.exists() or _continues(path, task, key))


def _continues(path: Path, task: Mapping[str, Any], key: RunKey) -> bool:
    """Return True if a file holds a run with this key on the same file of questions."""
    try:
        with PoolStore.read(path) as store:
            runs = store.runs()
    except InputError:
        return False
    for run in runs:
        earlier = run.config.get("task")
        if run.key.columns == key.columns and isinstance(earlier, dict) and earlier.get("path") == task["path"]:
            return True
    return False
