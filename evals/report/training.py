"""Reports of trainings: a small table, a JSON file of the history, and a plot of the losses."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.report.figures import save
from tts.files import atomic_path
from tts.training.responses import Split

if TYPE_CHECKING:
    from rich.console import Console

    from tts.training.history import History

SMOOTH = 20
"""The number of steps that one point of the plotted losses is the mean of."""


def save_history(out: Path, history: History) -> list[Path]:
    """Write history.json, and loss.png where matplotlib is installed; return the files."""
    path = out / "history.json"
    with atomic_path(path) as temp:
        losses = [{"step": step, "calibration": c, "language_model": lm} for step, c, lm in history.losses]
        content = {"losses": losses, "held_out": [asdict(one) for one in history.evaluations]}
        temp.write_text(json.dumps(content) + "\n", encoding="utf-8")
    if find_spec("matplotlib") is None:
        return [path]
    _plot(out / "loss.png", history)
    return [path, out / "loss.png"]


def print_trained(screen: Console, history: History, split: Split) -> None:
    """Print the evaluations on the held-out questions and mark the best."""
    from rich.table import Table

    questions = len({one.question for one in split.held_out})
    table = Table(title=f"held out: {len(split.held_out)} responses to {questions} questions", title_justify="left")
    language = ("language model",) if _has_language_loss(history) else ()
    for name in ("step", "Brier", "AUROC", "within questions", *language, ""):
        table.add_column(name, justify="right")
    for one in history.evaluations:
        mark = "kept" if one is history.best else ""
        numbers = [f"{one.brier:.4f}", f"{one.auroc:.3f}", f"{one.within:.3f}"]
        table.add_row(str(one.step), *numbers, *[f"{one.lm:.4f}" for _ in language], mark)
    screen.print(table)


def _plot(path: Path, history: History) -> None:
    from matplotlib.figure import Figure

    panels = [(1, "calibration loss"), (2, "language-model loss, nats a token")][: 1 + _has_language_loss(history)]
    figure = Figure(figsize=(5 * len(panels), 3.8), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False)
    for axes, (column, name) in zip(drawn[0], panels, strict=True):
        steps, means = _smoothed([(one[0], one[column]) for one in history.losses])
        axes.plot(steps, means, color="#999999", label=f"training, mean of {SMOOTH} steps")
        axes.set_xlabel("step of the optimiser")
        axes.set_title(name, loc="left", fontsize=11)
        axes.grid(alpha=0.25)
    at, left = [one.step for one in history.evaluations], drawn[0][0]
    left.plot(at, [one.brier for one in history.evaluations], marker="o", color="#1f5fa8", label="held-out Brier score")
    left.axvline(history.best.step, color="#1f5fa8", linestyle=":", linewidth=1, label="weights kept")
    if _has_language_loss(history):
        drawn[0][1].plot(at, [one.lm for one in history.evaluations], marker="o", color="#1f5fa8", label="held out")
    for axes in drawn[0]:
        axes.legend(frameon=False, fontsize=9)
    save(figure, path, command="tts train")


def _has_language_loss(history: History) -> bool:
    """Return whether the training measured a language-model loss."""
    return any(one.lm for one in history.evaluations)


def _smoothed(points: list[tuple[int, float]]) -> tuple[list[float], list[float]]:
    chunks: list[Any] = [points[i : i + SMOOTH] for i in range(0, len(points), SMOOTH)]
    return (
        [sum(step for step, _ in chunk) / len(chunk) for chunk in chunks],
        [sum(loss for _, loss in chunk) / len(chunk) for chunk in chunks],
    )
