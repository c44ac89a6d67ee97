"""``tts sample``: failed draws are drawn by the next command, and a pool without a right sample is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cases import FAKE, TASK, Tts
from tts.engines.fake.engine import FakeEngine
from tts.pool import PoolStore


@pytest.mark.parametrize("command", ["sample", "run"])
def test_where_nothing_is_right_it_says_so(
    tts: Tts, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evals.tasks.stories.extractor", lambda *_: lambda problem, text: None)
    size = "samples=2" if command == "sample" else "budget=2"
    ran = tts(command, *FAKE, *TASK, size, f"out={tmp_path / 'p.sqlite'}")
    assert ran.status == 0
    assert "0 of 20 right; 20 had no answer that could be read: this model does not solve this task" in ran.out


def test_draws_that_fail_are_drawn_by_the_next_command(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p.sqlite"
    broken = FakeEngine(fails=lambda request: request.index == 1)
    monkeypatch.setattr("evals.live.hooks.open_engine", lambda *_: broken)
    ran = tts("sample", *FAKE, "task.questions=2", "samples=3", f"out={path}")
    assert ran.status == 1
    assert "2 of 6 draws failed: 2 x the fake engine fails this draw on purpose\n" in ran.out
    assert ran.err.splitlines()[-1] == (
        "tts: 2 of 6 draws failed: the pool holds the others, repeat the command to draw them"
    )
    monkeypatch.undo()
    with PoolStore.read(path) as store:
        assert [store.missing(1, f"story-test-{i}", 3) for i in range(2)] == [[1], [1]]


def test_a_folder_grows_parts_and_every_command_reads_it(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts.pool.sqlite.store.PART", 12)
    path = tmp_path / "p.pool"
    drawn = tts("sample", *FAKE, *TASK, "samples=3", f"out={path}")
    assert drawn.status == 0 and "30 of them drawn now" in drawn.out
    assert len(list((path / "parts").iterdir())) == 2
    assert "0 of them drawn now" in tts("sample", *FAKE, *TASK, "samples=3", f"out={path}").out
    assert "10 of them drawn now" in tts("sample", *FAKE, *TASK, "samples=4", f"out={path}").out
    copied = tmp_path / "p.sqlite"
    assert "10 questions, 40 samples" in tts("pool", "merge", str(path), f"out={copied}").out
    for command in ("pool info POOL", "compare POOL --strategies esc --budget 4", "decide POOL --strategy esc"):
        mine, other = (tts(*command.replace("POOL", str(one)).split()) for one in (path, copied))
        assert mine.status == other.status == 0
        assert mine.out.replace(str(path), "") == other.out.replace(str(copied), "")
    (path / "parts" / "other.parquet").write_bytes(b"")
    assert (
        "p.pool: parts/other.parquet is not listed in live.sqlite and is not read" in tts("pool", "info", str(path)).out
    )
    left = next((path / "parts").glob("part-*"))
    left.unlink()
    assert tts("compare", str(path)).err.startswith(f"tts: {path}: part parts/{left.name} is missing: copy the whole")
