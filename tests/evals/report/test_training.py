"""Reports of trainings: the table marks the weights kept beside a constant, and each plotted axis has one unit."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from evals.report import training as report
from tts.training.finece.recipe import FineceRecipe
from tts.training.grace.recipe import GraceRecipe
from tts.training.history import Evaluation, History

FIRST, BEST = Evaluation(1, 0.3, 0.24, 0.6, 0.5, 0.0), Evaluation(2, 0.2, 0.24, 0.7, 0.6, 0.0)
HISTORY = History([(1, 0.5, 0.0), (2, 0.4, 0.0)], [FIRST, BEST])


def test_the_table_marks_the_weights_that_are_kept_and_has_the_constant_beside_them() -> None:
    screen = Console(file=io.StringIO(), width=80)
    split: Any = SimpleNamespace(held_out=[SimpleNamespace(question=q) for q in (1, 1, 2)])
    report.print_trained(screen, HISTORY, split)
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "3 responses to 2 questions" in text and text.count("0.2400") == 2
    assert [("kept" in line) for line in text.splitlines() if "0.2000" in line or "0.3000" in line] == [False, True]


def test_the_history_is_written_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    (path,) = report.save_history(tmp_path, HISTORY, GraceRecipe())
    read = json.loads(path.read_text())
    assert read["losses"][1] == {"step": 2, "calibration": 0.4, "language_model": 0.0}
    assert [one["constant"] for one in read["held_out"]] == [0.24, 0.24]


@pytest.mark.parametrize(
    ("recipe", "units"),
    [
        (GraceRecipe(), ["squared error", "nats a token", "nats a token"]),
        (GraceRecipe(anchor="response"), ["squared error", "nats a token"]),
        (GraceRecipe(loss="log"), ["cross-entropy, nats", "nats a token", "nats a token"]),
    ],
)
def test_each_panel_of_the_plot_has_one_quantity_of_one_unit(recipe: GraceRecipe, units: list[str]) -> None:
    history = History([(1, 0.5, 0.1), (2, 0.4, 0.2)], [replace(FIRST, lm=0.3), replace(BEST, lm=0.3)])
    panels = report._panels(history, recipe)
    assert [panel.unit for panel in panels] == [units[0], "squared error", "share of pairs", *units[1:]]
    assert panels[1].level == ("a constant", 0.24) and panels[2].level == ("chance", 0.5)
    assert all(bool(panel.steps) != bool(panel.looks) or recipe.anchor == "response" for panel in panels)


def test_without_a_language_model_loss_there_are_three_panels_and_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert [panel.title for panel in report._panels(HISTORY, FineceRecipe())] == [
        "calibration loss", "Brier score", "AUROC",
    ]  # fmt: skip
    written = report.save_history(tmp_path, HISTORY, FineceRecipe())
    assert [path.name for path in written] == ["history.json", "loss.png"] and written[1].stat().st_size > 10_000


def test_a_model_that_is_no_better_than_a_constant_is_named_as_such() -> None:
    line = report.worthless(FIRST)
    assert line == "worse than a constant: do not use it (Brier 0.3000 against 0.2400, AUROC 0.600)" and len(line) <= 80
