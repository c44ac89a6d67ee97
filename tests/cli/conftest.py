"""Pools that several tests of the command line share; no test changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.config import RunConfig
from evals.live.run_session import run_strategies
from tests.cli.cases import FAKE, POOL
from tts.config import load_config
from tts.pool import write_jsonl


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated pool of 12 questions with 8 samples each."""
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl"
    write_jsonl(POOL, path)
    return path


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pool of the calibration split, drawn live on the fake engine with confidences."""
    path = tmp_path_factory.mktemp("calibration") / "cal.sqlite"
    overrides = ("task.split=calibration", "task.questions=40", "budget=6", "scorer.name=watched", f"out={path}")
    run_strategies(load_config(RunConfig, [], [*FAKE, *overrides]))
    return path
