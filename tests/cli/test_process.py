"""``tts`` as a process: exit status, streams, Ctrl-C, and a reader that stops early."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.cli.cases import FAST, Tts, process

FEW = (*FAST, "--strategies", "esc")


def test_a_process_exits_with_the_status_and_writes_to_the_right_streams(pool: Path, tmp_path: Path) -> None:
    done = process("compare", pool, *FEW, "--json", tmp_path / "j.json")
    out, err = done.communicate()
    assert (done.returncode, err) == (0, "")
    assert out.endswith(f"wrote {tmp_path / 'j.json'}\n")
    done = process("pool", "info", tmp_path / "no.jsonl")
    assert done.communicate() == ("", f"tts: {tmp_path / 'no.jsonl'}: no such file\n")
    assert done.returncode == 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
def test_a_reader_that_stops_early_is_no_error_and_files_are_written_all_the_same(pool: Path, tmp_path: Path) -> None:
    target = tmp_path / "j.json"
    done = process("compare", pool, *FEW, "--json", target)
    first = subprocess.run(["head", "-1"], stdin=done.stdout, capture_output=True, text=True)
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    assert done.stderr.read() == ""
    done.stderr.close()
    assert done.wait() in (0, 1)
    assert first.stdout.startswith(f"{pool}: 12 questions")
    assert json.loads(target.read_text())["budget"] == 8


@pytest.mark.slow
def test_a_closed_output_loses_the_table_and_nothing_else(pool: Path, tmp_path: Path) -> None:
    done = process("compare", pool, *FEW, "--json", tmp_path / "j.json", stdout=None, preexec_fn=partial(os.close, 1))
    assert done.communicate()[1] == ""
    assert done.returncode == 0
    assert json.loads((tmp_path / "j.json").read_text())["budget"] == 8


def gone() -> int:
    """Return the writing end of a pipe whose reader is gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("command", ["compare", "pool info", "strategies"])
def test_a_reader_that_is_gone_ends_the_command_quietly(
    tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    arguments = {"compare": [pool, *FEW], "pool info": [pool], "strategies": []}[command]
    with open(gone(), "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        ran = tts(*command.split(), *arguments)
    assert (ran.status, ran.err) == (1, "")


@pytest.mark.slow
def test_a_process_whose_reader_is_gone_ends_quietly() -> None:
    writing = gone()
    done = process("strategies", stdout=writing)
    os.close(writing)
    assert done.communicate()[1] == ""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["pool info", "strategies"])
def test_a_full_disk_behind_the_output_is_one_sentence(
    tts: Tts, pool: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        ran = tts(*command.split(), *([] if command == "strategies" else [pool]))
    assert (ran.status, ran.err) == (2, "tts: standard output: No space left on device\n")


def test_ctrl_c_ends_with_status_130_and_without_a_word(tmp_path: Path) -> None:
    fifo = tmp_path / "p.jsonl"
    os.mkfifo(fifo)
    done = process("pool", "info", fifo)
    with open(fifo, "wb"):  # opens once the command reads
        done.send_signal(signal.SIGINT)
        assert done.communicate() == ("", "")
    assert done.returncode == 130
