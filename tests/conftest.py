"""What tests of the command line share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.cases import Ran, Tts
from tts import cli


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
