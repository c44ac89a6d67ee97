"""``tts sample`` and ``tts run`` after a kill or Ctrl-C: no sample is lost and none is drawn twice."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import FAKE, TASK, Tts, drawn_now, process
from tts.errors import InputError
from tts.pool import Pool, PoolStore, load_pool

SLOWLY = "engine.token_delay_s=0.02"
"""Slow enough that a busy machine still sees the pool half-way."""
STRATEGIES = "strategies=[esc,self_consistency,first_sample]"


def held(path: Path) -> int:
    """Return the number of samples in a pool, which may be open for writing."""
    try:
        with PoolStore.read(path) as store:
            return sum(run.samples for run in store.runs())
    except InputError:
        return 0


def stopped(path: Path, least: int, number: int, *arguments: str | Path) -> tuple[subprocess.Popen[str], str, str]:
    """Start a command and send it a signal once its pool holds at least ``least`` samples."""
    done = process(*arguments)
    while held(path) < least and done.poll() is None:  # a hanging command fails by the timeout of the suite
        time.sleep(0.02)
    assert done.poll() is None, f"it ended before it could be stopped: {done.communicate()}"
    done.send_signal(number)
    return done, *done.communicate()


def content(pool: Pool) -> dict[str, list[Any]]:
    """Return every sample with its grade; cached prompt tokens count as others, for a cache dies with its process."""
    return {
        entry.problem.id: [
            (replace(s, usage=replace(s.usage, prompt=s.usage.prompt + s.usage.prompt_cached, prompt_cached=0)), right)
            for s, right in zip(entry.samples, entry.correct, strict=True)
            if s.usage is not None
        ]
        for entry in pool.entries
    }


@pytest.mark.slow
def test_sample_killed_twice_ends_with_the_pool_of_an_uninterrupted_run(tts: Tts, tmp_path: Path) -> None:
    path, calm = tmp_path / "p.sqlite", tmp_path / "calm.sqlite"
    command = ("sample", *FAKE, *TASK, "samples=6", f"out={path}", SLOWLY)
    before = 0
    for least in (5, 25):
        stopped(path, least, signal.SIGKILL, *command)
        assert least <= held(path) < 60
        assert held(path) > before
        before = held(path)
    ran = tts(*command[:-1])
    assert ran.status == 0
    assert drawn_now(ran) == (60, 60 - before)
    assert tts("sample", *FAKE, *TASK, "samples=6", f"out={calm}").status == 0
    assert content(load_pool(path)) == content(load_pool(calm))
    assert [len(entry.samples) for entry in load_pool(path).entries] == [6] * 10
    assert drawn_now(tts(*command[:-1])) == (60, 0)  # and once more: nothing is left to draw
    with PoolStore.read(path) as store:
        assert len(store.runs()) == 1


def test_run_killed_ends_with_the_pool_and_the_decisions_of_an_uninterrupted_run(tts: Tts, tmp_path: Path) -> None:
    path, calm = tmp_path / "p.sqlite", tmp_path / "calm.sqlite"
    command = ("run", *FAKE, *TASK, "budget=7", STRATEGIES, "scorer.name=watched")
    stopped(path, 12, signal.SIGKILL, *command, f"out={path}", SLOWLY)
    before = held(path)
    assert 12 <= before < 70
    ran = tts(*command, f"out={path}", "--json", tmp_path / "j.json")
    assert drawn_now(ran) == (70, 70 - before)
    whole = tts(*command, f"out={calm}", "--json", tmp_path / "calm.json")
    assert drawn_now(whole) == (70, 70)
    assert content(load_pool(path)) == content(load_pool(calm))
    one, other = (json.loads((tmp_path / name).read_text())["strategies"] for name in ("j.json", "calm.json"))
    for a, b in zip(one, other, strict=True):
        for x, y in zip(a["decisions"], b["decisions"], strict=True):
            assert {k: v for k, v in x.items() if k not in ("usage", "cached")} == {
                k: v for k, v in y.items() if k not in ("usage", "cached")
            }
            assert x["usage"]["delivered"] == y["usage"]["delivered"]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["sample", "run"])
def test_ctrl_c_says_how_to_go_on_and_loses_nothing(tts: Tts, tmp_path: Path, command: str) -> None:
    path = tmp_path / "p.sqlite"
    size = "samples=6" if command == "sample" else "budget=6"
    arguments = (command, *FAKE, *TASK, size, f"out={path}")
    done, out, err = stopped(path, 8, signal.SIGINT, *arguments, SLOWLY)
    before = held(path)
    assert (done.returncode, out) == (130, "")
    assert err.splitlines()[-1] == (f"tts: interrupted; {path} holds {before} samples: repeat the command to continue")
    assert "Traceback" not in err
    assert not path.with_name("p.sqlite-wal").exists()
    assert drawn_now(tts(*arguments)) == (60, 60 - before)
