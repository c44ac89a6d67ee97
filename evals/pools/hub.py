"""Pools on the hub: pushed as a Parquet data set with a card, and pulled from one.

Needs ``huggingface_hub`` for the hub; a folder stands for a data set where a path to one is given.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evals.pools.sources import HUB
from tts.errors import InputError
from tts.files import atomic_path
from tts.pool import Pool, describe, import_pool, read_parquet, read_pool, write_parquet
from tts.progress.phases import phase

DATA = "data/train-00000-of-00001.parquet"
"""The file of the samples in a data set."""


def push(
    source: str | os.PathLike[str],
    target: str,
    *,
    run: int | Sequence[int] | None = None,
    private: bool = True,
    notify: Callable[[str], None] = lambda _: None,
) -> Pool:
    """Write a pool with its card to a data set on the hub, or to a folder.

    Args:
        source: the pool.
        target: ``hf://datasets/OWNER/NAME``, or a folder that does not exist yet or holds a pushed pool.
        run: for SQLite files that hold several runs, which one.
        private: whether a new data set is private.
        notify: receives a sentence about what was chosen among several.

    Raises:
        InputError: the hub cannot be reached or refuses, or the folder holds something else.
    """
    pool = read_pool(source, run=run, notify=notify)
    if not target.startswith(HUB):
        folder = Path(target)
        if folder.exists() and not (folder / DATA).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"cannot write {folder}: it exists and holds no pushed pool; give another folder")
        _fill(folder, pool)
        return pool
    with TemporaryDirectory() as made:
        _fill(Path(made), pool)
        name = target.removeprefix(HUB)
        api = _hub().HfApi()
        _asked(name, lambda: api.create_repo(name, repo_type="dataset", private=private, exist_ok=True))
        with phase("uploading", "store", pool.questions, facts=name):
            _asked(name, lambda: api.upload_folder(repo_id=name, repo_type="dataset", folder_path=made))
    return pool


def pull(source: str, target: str | os.PathLike[str], *, force: bool = False) -> Pool:
    """Make a SQLite pool of a pushed pool, whole or not at all.

    Args:
        source: ``hf://datasets/OWNER/NAME``, or a folder.
        target: the pool to write: .sqlite, .db or .pool.
        force: replace a pool that is there.

    Raises:
        InputError: there is no such data set or folder, or it holds no pushed pool.
    """
    if not source.startswith(HUB):
        found = Path(source) / DATA
        if not found.is_file():
            raise InputError(f"{source}: holds no pushed pool, which has {DATA}")
        return import_pool(found, target, force=force)
    name = source.removeprefix(HUB)
    with phase("downloading", "read", 1, facts=name):
        file = _asked(name, lambda: _hub().hf_hub_download(name, DATA, repo_type="dataset"))
    with TemporaryDirectory() as made:
        local = Path(made) / "pool.parquet"  # the cache of the hub holds links
        shutil.copyfile(file, local)
        read_parquet(local)
        return import_pool(local, target, force=force)


def _fill(folder: Path, pool: Pool) -> None:
    (folder / DATA).parent.mkdir(parents=True, exist_ok=True)
    write_parquet(pool, folder / DATA)
    with atomic_path(folder / "README.md") as temp:
        temp.write_text(card(pool), encoding="utf-8")


def card(pool: Pool) -> str:
    """Return the card of a data set that holds a pool."""
    about = describe(pool)
    named = {entry.problem.task for entry in pool.narrow().entries if entry.problem.task}
    traced = any(s.trace.logprobs for entry in pool.narrow("trace").entries for s in entry.samples)
    accuracy = about["accuracy"]
    rows = {
        "models": ", ".join(about["models"]) or "unknown",
        "task": ", ".join(sorted(named)) or "unknown",
        "questions": about["questions"],
        "samples": about["samples"],
        "samples a question": f"{about['samples_min']} to {about['samples_max']}",
        "accuracy of one sample": "not graded" if accuracy is None else f"{100 * accuracy:.1f} %",
        "log-probabilities": _yes(traced),
        "scores": ", ".join(pool.scorers) or "none",
        "sha256": pool.sha256,
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"""---
configs:
- config_name: default
  data_files:
  - split: train
    path: {DATA}
tags:
- test-time-scaling
- pool
---
# Recorded samples

One row is one sample: `question`, `gold`, `text`, `answer`, `correct`, `logprobs`, `usage` and further columns.

| | |
|---|---|
{table}

```sh
tts pool pull hf://datasets/OWNER/NAME pool.sqlite
tts compare pool.sqlite
```
"""


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _hub() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # its bars would cross those of phases
    try:
        return import_module("huggingface_hub")
    except ModuleNotFoundError:
        raise InputError("the hub needs huggingface_hub: pip install 'tts-rerank[hub]'") from None


def _asked(name: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:  # a network and a hub fail in many ways
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{name}: the hub refuses or cannot be reached ({reason})") from None
