"""Fixtures and settings of the whole suite."""

from __future__ import annotations

import gc
import signal
import sys
from contextvars import copy_context
from pathlib import Path

import pytest
from hypothesis import settings

from tests.cli.cases import Ran, Tts
from tests.support.examples import examples
from tts import cli

settings.register_profile("tts", deadline=None, max_examples=examples(100))
settings.load_profile("tts")


def pytest_configure() -> None:
    """Accept Ctrl-C even where the suite was started in the background, which ignores SIGINT (``nohup``, ``&``)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection() -> None:
    """Collect no garbage while tests are imported: there is none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave everything imported out of later garbage collections, each of which would take .7 s."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def wide_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print tables as wide as they are outside a terminal, whatever the caller's terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def tts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tts:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tts", *map(str, arguments)])
        try:
            copy_context().run(cli.main)  # --quiet is of one command
            status = 0
        except SystemExit as done:
            status = int(done.code or 0)
        return Ran(status, *capsys.readouterr())

    return run
