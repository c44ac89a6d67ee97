"""A file of one question."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "What is 2 + 3?", "answer": "5"}\n')
    return path
