"""Reports of trainings: the table marks the weights kept, and the history is JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from evals.report import training as report
from tts.training.history import Evaluation

FIRST, BEST = Evaluation(1, 0.3, 0.6, 0.5, 0.0), Evaluation(2, 0.2, 0.7, 0.6, 0.0)
HISTORY: Any = SimpleNamespace(losses=[(1, 0.5, 0.0), (2, 0.4, 0.0)], evaluations=[FIRST, BEST], best=BEST)


def test_the_table_marks_the_weights_that_are_kept() -> None:
    screen = Console(file=io.StringIO(), width=100)
    split: Any = SimpleNamespace(held_out=[SimpleNamespace(question=q) for q in (1, 1, 2)])
    report.print_trained(screen, HISTORY, split)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "3 responses to 2 questions" in text
    assert [("kept" in line) for line in text.splitlines() if "0.2000" in line or "0.3000" in line] == [False, True]


def test_the_history_is_written_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    (path,) = report.save_history(tmp_path, HISTORY)
    read = json.loads(path.read_text())
    assert read["losses"][1] == {"step": 2, "calibration": 0.4, "language_model": 0.0}
    assert len(read["held_out"]) == 2
