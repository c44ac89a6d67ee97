"""The phases of a training on standard error: plain lines without a terminal, a bar each on one, nothing when quiet."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from evals.progress import phases
from evals.progress.phases import PhaseProgress
from tts.progress.phases import phase


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(phases, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_plain_lines_have_the_phase_and_the_time_left(capsys: pytest.CaptureFixture[str], clock: list[float]) -> None:
    with PhaseProgress(terminal=False) as shown:
        shown.start("training", "10 steps", None)
        shown.advance(0.1, "step 1/10", 90.0)  # too soon after the line before
        clock[0] = 6.0
        shown.advance(0.2, "step 2/10, loss 0.400", 75.0)
        shown.start("evaluating", "", 75.0)
        clock[0] = 12.0
        shown.advance(0.5, "", 70.0)
        shown.finish(6.0)
        shown.finish(62.0)
        shown.start("writing", "", 1.0)
        shown.finish(1.0)
    assert capsys.readouterr().err.splitlines() == [
        "training: 10 steps",
        "training: 20%, step 2/10, loss 0.400, 0:01:15 left",
        "evaluating: 50%, 0:01:10 left",
        "training: took 0:01:02",
        "writing: 0:00:01 left",
    ]


def test_on_a_terminal_a_bar_stays_for_each_phase_and_fits_into_80_columns(
    capsys: pytest.CaptureFixture[str], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "")
    with PhaseProgress(terminal=True) as shown:
        shown.start("training", "", None)
        clock[0] = 6.0
        shown.advance(0.25, "step 250/1000, loss 0.400", 4000.0)
        shown.start("evaluating", "", 4000.0)
        clock[0] = 12.0
        shown.advance(0.5, "", 3900.0)
        shown.finish(6.0)
        shown.finish(3600.0)
    err = capsys.readouterr().err
    assert "training" in err and " 25%" in err and "step 250/1000, loss 0.400, 1:06:40 left" in err
    assert "evaluating" in err and "1:05:00 left" in err and "took 1:00:00" in err


def test_brief_work_is_shown_after_a_second_and_taken_away(
    capsys: pytest.CaptureFixture[str], clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COLUMNS": "80", "TERM": "xterm", "FORCE_COLOR": "1", "NO_COLOR": ""}.items():
        monkeypatch.setenv(name, value)
    with PhaseProgress(terminal=True, brief=True) as shown:
        shown.start("reading", "", None)
        clock[0] = 0.9
        shown.advance(0.9, "", 0.1)
        shown.finish(0.9)
        assert capsys.readouterr().err == ""
        shown.start("replaying", "35 settings", 30.0)
        clock[0] = 1.5
        shown.advance(0.25, "", 12.0)
        assert " 25%" in (err := capsys.readouterr().err) and "replaying" in err and "0:00:12 left" in err
    shown.advance(0.5, "", 6.0)  # of a loop that an error ended
    assert capsys.readouterr().err.endswith("\x1b[1A\x1b[2K")  # the line is erased


def test_brief_work_prints_no_lines(capsys: pytest.CaptureFixture[str], clock: list[float]) -> None:
    with PhaseProgress(terminal=False, brief=True) as shown:
        shown.start("reading", "", None)
        clock[0] = 100.0
        shown.advance(0.5, "", 100.0)
        shown.finish(200.0)
    with phases.brief_phases(), phase("reading", "read", 2) as advance:
        advance(1)
    assert capsys.readouterr().err == ""
