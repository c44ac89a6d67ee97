"""The run of a pool: its line, its target, and what an interrupt leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.live.pool_run import PoolRun, pool_target
from tts.errors import InputError


def test_the_line_names_the_run_and_what_was_drawn() -> None:
    assert str(PoolRun(Path("p.sqlite"), 2, 10, 4, 0, 99)) == (
        "p.sqlite: run 2 holds 10 samples, 4 of them drawn now (99 tokens)"
    )
    assert "3 more that a strategy may have truncated" in str(PoolRun(Path("p.sqlite"), 2, 10, 4, 3, 99))


def test_a_target_is_a_sqlite_file_that_is_no_input(tmp_path: Path) -> None:
    assert pool_target(str(tmp_path / "p.sqlite"), [None]) == tmp_path / "p.sqlite"
    assert pool_target(None, []) is None
    with pytest.raises(InputError, match="must end in"):
        pool_target(str(tmp_path / "p.jsonl"), [])
    (tmp_path / "in.sqlite").touch()
    with pytest.raises(InputError, match="it is an input"):
        pool_target(str(tmp_path / "in.sqlite"), [tmp_path / "in.sqlite"])
