"""Files of questions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evals.tasks.cases import ROWS, written


@pytest.fixture
def scored(tmp_path: Path) -> str:
    return written(tmp_path / "test.jsonl", ROWS[:30])


@pytest.fixture
def train(tmp_path: Path) -> str:
    return written(tmp_path / "train.jsonl", ROWS[25:])
