"""Fixtures and settings of the whole suite."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.cli.cases import Ran, Tts
from tts import cli


def pytest_configure() -> None:
    """Accept Ctrl-C even where the suite was started in the background, which ignores SIGINT (``nohup``, ``&``)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def tts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tts:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tts", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as done:
            status = int(done.code or 0)
        return Ran(status, *capsys.readouterr())

    return run
