"""Progress on standard error: plain lines without a terminal, a bar on one."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from evals.live import progress
from tests.cli.cases import FAKE, TASK, Tts


def test_without_a_terminal_plain_lines_show_the_progress(
    tts: Tts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL_S", 0.0)
    ran = tts("sample", *FAKE, *TASK, "samples=3", f"out={tmp_path / 'p.sqlite'}")
    lines = ran.err.splitlines()
    assert len(lines) >= 10 + 1  # one per question, and the end
    for line in lines[:-1]:
        assert re.fullmatch(
            r"samples: \d+ of 10 questions, (accuracy \d\.\d{3}, )?\d+ tokens/s(, \d+:\d\d:\d\d left)?", line
        )
    assert re.fullmatch(r"samples: 10 of 10 questions, accuracy \d\.\d{3}, \d+ tokens/s", lines[-1])


def test_lines_come_at_most_once_per_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = itertools.count()  # each look at the clock is a quarter of a second later
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(now) / 4))
    with progress.Progress(lambda: 0, terminal=False) as shown:
        shown.start("esc", 100)
        for _ in range(100):
            shown.advance(1.0)
        lines = capsys.readouterr().err.splitlines()
    assert 0 < len(lines) <= 10
    assert shown.done == 100


def test_the_time_left_follows_the_mean_pace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    tokens = [700]
    with progress.Progress(lambda: tokens[0], terminal=False) as shown:
        shown.start("esc", 4)
        clock[0], tokens[0] = 70.0, 1400
        shown.advance(1.0)
    assert capsys.readouterr().err == "esc: 1 of 4 questions, accuracy 1.000, 10 tokens/s, 0:03:30 left\n"


def test_without_tokens_there_is_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress(lambda: 700, terminal=False) as shown:
        shown.start("esc", 1)
        shown.finish()
        shown.advance(1.0)
        shown.finish()
    assert capsys.readouterr().err == "esc: 0 of 1 questions\nesc: 1 of 1 questions, accuracy 1.000\n"


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    tokens = itertools.count(0, 1000)
    with progress.Progress(lambda: next(tokens), terminal=True) as bar:
        bar.start("esc", 2)
        bar.advance(1.0)
        bar.advance(0.0)
        bar.finish()
    err = capsys.readouterr().err
    assert "esc" in err and "2/2" in err and "accuracy 0.500" in err and "tokens/s" in err
