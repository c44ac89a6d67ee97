"""Progress on standard error: plain lines without a terminal, a table on one."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from evals.live import progress
from evals.live.hooks import QuestionCost
from evals.progress import display
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


def test_lines_tell_recalled_questions_failed_draws_and_truncated_samples(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.Progress(lambda: 0, terminal=False) as shown:
        shown.start("esc", 2, 4)
        shown.advance(1.0, QuestionCost(samples=4, recalled=4, tokens=400, truncated=3))
        shown.advance(0.0, QuestionCost(samples=4, tokens=300, failed=2))
        shown.finish()
    assert capsys.readouterr().err == ("esc: 2 of 2 questions, accuracy 0.500, 1 recalled, 2 failed, 3 truncated\n")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A terminal of 80 columns, and its clock."""
    for name, value in {"COLUMNS": "80", "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": ""}.items():
        monkeypatch.setenv(name, value)
    now = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_on_a_terminal_there_is_a_row_for_each_strategy(
    capsys: pytest.CaptureFixture[str], terminal: list[float]
) -> None:
    tokens = [0]
    with progress.Progress(lambda: tokens[0], terminal=True) as table:
        table.start("confidence_gated_self_consistency", 4, 4)
        first = plain(capsys.readouterr().err)
        terminal[0], tokens[0] = 10.0, 700
        table.advance(1.0, QuestionCost(samples=4, tokens=400, truncated=1))
        running = plain(capsys.readouterr().err)
        table.advance(0.5, QuestionCost(samples=4, recalled=4, tokens=300))
        table.finish()
        table.start("esc", 4, 4)
        table.finish()
    rest = plain(capsys.readouterr().err)
    assert first[:2] == [
        "strategy                        questions   accuracy, % [95 %]  samples   tokens",
        "confidence_gated_self_consi…          0/4                    -        -        -",
    ]
    assert first[2].endswith(" - tokens/s, - left")
    assert running[-2] == "confidence_gated_self_consi…          1/4  100.0 [20.7, 100.0]      4.0      400"
    assert running[-1].endswith("━ 70 tokens/s, 0:00:13 left, 1 truncated")
    ended = rest.index("  took 0:00:10, 70 tokens/s, 1 recalled, 1 truncated")
    assert rest[ended - 1] == "confidence_gated_self_consi…          2/4    75.0 [19.8, 97.3]      4.0      350"
    row = "esc                                   0/4                    -        -        -"
    assert rest[-2:] == [row, "  took 0:00:00"]
    assert not any(line.startswith("strategy ") for line in rest[rest.index(row) :])
    assert max(map(len, first + running + rest)) <= 80


def test_a_terminal_that_takes_no_control_characters_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert display.is_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert not display.is_terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not display.is_terminal()


def plain(text: str) -> list[str]:
    """The lines without control sequences."""
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()
    return [line.rstrip() for line in lines if line.strip()]
