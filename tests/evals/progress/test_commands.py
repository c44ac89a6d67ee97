"""The phases that commands on pools show: reading, the work itself, and writing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evals.config import DecideConfig
from evals.decisions.rerank import rankings
from evals.decisions.session import open_decider
from evals.pools.hub import pull, push
from evals.replay.synthetic import synthetic_pool
from tests.progress.test_phases import Recorder
from tts.pool import load_pool, write_jsonl
from tts.pool.upgrade import upgrade_pool
from tts.progress.phases import shown_by

POOL = synthetic_pool(questions=6, samples=4)


def labels(work: Callable[[], object]) -> list[object]:
    """Return the labels of the phases of some work, and check that each is shown to its end."""
    shown = Recorder()
    with shown_by(shown):
        work()
    assert [event[0] for event in shown.events].count("finish") == len(shown.labels)
    assert [event[1] for event in shown.events if event[0] == "advance"].count(1.0) >= len(shown.labels)
    return shown.labels


def test_decisions_and_rankings_show_their_questions() -> None:
    assert labels(lambda: list(open_decider(POOL, DecideConfig()))) == ["deciding"]
    assert labels(lambda: list(rankings(POOL, "confidence"))) == ["reading", "ranking"]


def test_a_pool_that_is_pushed_and_pulled_is_read_and_written(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    write_jsonl(POOL, tmp_path / "pool.jsonl")
    assert labels(lambda: push(tmp_path / "pool.jsonl", str(tmp_path / "folder"))) == ["reading", "writing"]
    assert labels(lambda: pull(str(tmp_path / "folder"), tmp_path / "pool.sqlite")) == ["reading", "writing"]
    assert load_pool(tmp_path / "pool.sqlite").entries[0].samples == POOL.entries[0].samples


def test_a_pool_that_is_upgraded_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl.gz"
    write_jsonl(POOL, path)
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    for sample in (sample for record in records for sample in record.get("samples", ())):
        usage = sample.setdefault("tts", {}).get("usage")
        if usage:
            usage["kept"] = usage.pop("delivered", 0)
    path.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode()))
    assert labels(lambda: upgrade_pool(path)) == ["upgrading"]
