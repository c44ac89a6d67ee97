"""Reports of trainings: a small table, a JSON file of the history, and a plot of the losses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.report.figures import save
from tts.files import atomic_path
from tts.training.responses import Split

if TYPE_CHECKING:
    from rich.console import Console

    from tts.training.heads.evaluation import HeadEvaluation
    from tts.training.history import Evaluation, History
    from tts.training.schedule import Schedule

SMOOTH = 20
"""The most steps that one point of the plotted losses is the mean of."""
POINTS = 20
"""Points of the plotted losses, at least, where there are as many steps."""


def save_history(out: Path, history: History, recipe: Schedule) -> list[Path]:
    """Write history.json, and loss.png where matplotlib is installed; return the files.

    Args:
        out: the directory.
        history: the losses and the evaluations.
        recipe: names the losses.
    """
    path = out / "history.json"
    with atomic_path(path) as temp:
        losses = [{"step": step, "calibration": c, "language_model": lm} for step, c, lm in history.losses]
        content = {"losses": losses, "held_out": [asdict(one) for one in history.evaluations]}
        temp.write_text(json.dumps(content) + "\n", encoding="utf-8")
    if find_spec("matplotlib") is None:
        return [path]
    _plot(out / "loss.png", history, recipe)
    return [path, out / "loss.png"]


def print_trained(screen: Console, history: History, split: Split) -> None:
    """Print the evaluations on the held-out questions, each beside a constant, and mark the best."""
    from rich.table import Table

    questions = len({one.question for one in split.held_out})
    title = f"held out: {len(split.held_out)} responses to {questions} questions"
    table = Table(title=title, title_justify="left")
    language = ("language model",) if _has_language_loss(history) else ()
    for name in ("step", "Brier", "a constant's", "AUROC", "within questions", *language, ""):
        table.add_column(name, justify="right")
    for one in history.evaluations:
        mark = "kept" if one is history.best else ""
        numbers = [f"{one.brier:.4f}", f"{one.constant:.4f}", f"{one.auroc:.3f}", f"{one.within:.3f}"]
        table.add_row(str(one.step), *numbers, *[f"{one.lm:.4f}" for _ in language], mark)
    screen.print(table)


def print_head(screen: Console, found: HeadEvaluation, split: Split) -> None:
    """Print the evaluation of a head on the held-out questions, beside a constant."""
    from rich.table import Table

    questions = len({one.question for one in split.held_out})
    table = Table(title=f"held out: {len(split.held_out)} responses to {questions} questions", title_justify="left")
    for name in ("", "Brier", "log loss", "AUROC", "within questions"):
        table.add_column(name, justify="right" if name else "left")
    numbers = (found.brier, found.log_loss)
    table.add_row("head", *[f"{one:.4f}" for one in numbers], f"{found.auroc:.3f}", f"{found.within:.3f}")
    constants = (found.constant_brier, found.constant_log_loss)
    table.add_row("a constant", *[f"{one:.4f}" for one in constants], "0.500", "0.500")
    screen.print(table)


def worthless_head(found: HeadEvaluation) -> str:
    """Return the sentence about a head whose confidences are no better than a constant."""
    return _worse(found.brier, found.constant_brier, found.auroc)


def worthless(best: Evaluation) -> str:
    """Return the sentence about a model whose best confidences are no better than a constant."""
    return _worse(best.brier, best.constant, best.auroc)


def _worse(brier: float, constant: float, auroc: float) -> str:
    return f"worse than a constant: do not use it (Brier {brier:.4f} against {constant:.4f}, AUROC {auroc:.3f})"


@dataclass(frozen=True)
class _Panel:
    """One axis of one unit: points of training steps, of evaluations, or both, and a level to compare with."""

    title: str
    unit: str
    steps: Sequence[tuple[int, float]] = ()
    looks: Sequence[tuple[int, float]] = ()
    level: tuple[str, float] | None = None


def _panels(history: History, recipe: Schedule) -> list[_Panel]:
    """Return the panels of a history: the confidences', then those of the text."""
    looks = history.evaluations
    loss = "squared error" if getattr(recipe, "loss", "log") == "squared" else "cross-entropy, nats"
    constant = ("a constant", history.best.constant)
    found = [
        _Panel("calibration loss", loss, [(step, c) for step, c, _ in history.losses]),
        _Panel("Brier score", "squared error", (), [(one.step, one.brier) for one in looks], constant),
        _Panel("AUROC", "share of pairs", (), [(one.step, one.auroc) for one in looks], ("chance", 0.5)),
    ]
    anchor = getattr(recipe, "anchor", "")
    text = [(step, lm) for step, _, lm in history.losses] if any(lm for _, _, lm in history.losses) else []
    held = [(one.step, one.lm) for one in looks] if _has_language_loss(history) else []
    if text and anchor != "response":  # another quantity than the held-out responses' cross-entropy
        name = "divergence from the base" if anchor == "base" else "loss on worked solutions"
        found.append(_Panel(name, "nats a token", text))
        text = []
    if text or held:
        found.append(_Panel("language-model loss", "nats a token", text, held))
    return found


def _plot(path: Path, history: History, recipe: Schedule) -> None:
    from matplotlib.figure import Figure

    panels = _panels(history, recipe)
    rows = (len(panels) + 2) // 3
    figure = Figure(figsize=(13, 3.6 * rows), layout="constrained")
    drawn = figure.subplots(rows, 3, squeeze=False).flatten()
    for axes in drawn[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(drawn, panels, strict=False):
        if panel.steps:
            size = max(1, min(SMOOTH, len(panel.steps) // POINTS))
            label = "training" if size == 1 else f"training, mean of {size} steps"
            axes.plot(*_smoothed(panel.steps, size), color="#999999", marker=".", label=label)
        if panel.looks:
            axes.plot(*zip(*panel.looks, strict=True), marker="o", color="#1f5fa8", label="held-out questions")
            axes.axvline(history.best.step, color="#1f5fa8", linestyle=":", linewidth=1, label="weights kept")
        if panel.level is not None:
            axes.axhline(panel.level[1], color="#b04a2f", linestyle="--", linewidth=1, label=panel.level[0])
        axes.set_title(panel.title, loc="left", fontsize=11)
        axes.set_xlabel("step of the optimiser")
        axes.set_ylabel(panel.unit)
        axes.set_xlim(0, max(step for step, *_ in history.losses) * 1.04)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=9)
    save(figure, path, command="tts train")


def _has_language_loss(history: History) -> bool:
    """Return whether the evaluations measured a language-model loss."""
    return any(one.lm for one in history.evaluations)


def _smoothed(points: Sequence[tuple[int, float]], size: int) -> tuple[list[float], list[float]]:
    chunks: list[Any] = [points[i : i + size] for i in range(0, len(points), size)]
    return (
        [sum(step for step, _ in chunk) / len(chunk) for chunk in chunks],
        [sum(loss for _, loss in chunk) / len(chunk) for chunk in chunks],
    )
