"""The plot of a comparison: accuracy against mean samples, one line a strategy. Needs matplotlib (extra ``plot``)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.comparison.frontier import Frontier
from evals.comparison.paired import Point
from evals.comparison.table import ComparisonRow
from tts.errors import InputError, UnsupportedError
from tts.pool import atomic_path

SUFFIXES = (".png", ".svg")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b5ea7")
CONTROLS = ("oracle", "random", "first_sample")


def check(path: str) -> None:
    """Refuse a plot that cannot be drawn, before any work is done.

    Raises:
        InputError: a suffix other than .png or .svg.
        UnsupportedError: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise InputError(f"plot {path} must end in .png or .svg")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UnsupportedError("a plot needs matplotlib: pip install 'tts-rerank[plot]'") from None


def plot(path: str, title: str, rows: Sequence[ComparisonRow], frontiers: Sequence[Frontier] | None) -> None:
    """Draw accuracy against mean samples (log axis) with 95 % intervals over questions.

    A line is a strategy at growing budgets, or, with frontiers, tuned within growing numbers of samples; its mark is
    the full budget, with its interval. Self-consistency is black with a band; the strategies that reach furthest above
    it at equal samples stand out in colour, the others stay grey.

    Args:
        path: .png or .svg, written atomically.
        title: the title of the plot.
        rows: one a strategy.
        frontiers: sweeps, or None without them.
    """
    check(path)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

    lines = _lines(rows, frontiers)
    style: Any = {
        "svg.hashsalt": "tts",
        "text.parse_math": False,  # a dollar sign in a name is no formula
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=(10, 6), layout="constrained")
        notable = _notable(lines)
        colours = dict(zip(notable, COLOURS, strict=False))
        for name, points in lines.items():
            if name == "oracle":
                continue
            _draw(axes, name, points, colours)
        most = max(p.samples for points in lines.values() for p in points)
        ticks = [t for t in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128) if t <= most * 1.05]
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([str(t) for t in ticks])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("mean samples a question (log scale)")
        axes.set_ylabel("accuracy")
        axes.grid(alpha=0.25)
        axes.set_title(title.encode(errors="backslashreplace").decode(), loc="left", fontsize=11)
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles, labels, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
        with atomic_path(path) as target, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name in a script without a font
            metadata = {"Date": None} if path.lower().endswith(".svg") else {"Software": None}
            figure.savefig(target, dpi=150, format=Path(path).suffix[1:].lower(), metadata=metadata)
        plt.close(figure)


def _lines(rows: Sequence[ComparisonRow], frontiers: Sequence[Frontier] | None) -> dict[str, list[Point]]:
    lines = {row.name: [point for _, point in row.efficiency] for row in rows}
    for frontier in frontiers or ():
        if frontier.name != "self_consistency" and frontier.name in lines:
            lines[frontier.name] = [tuned.point for _, tuned in frontier.within] or lines[frontier.name]
    return {name: sorted(points, key=lambda p: p.samples) for name, points in lines.items()}


def _notable(lines: dict[str, list[Point]]) -> list[str]:
    """Return the strategies to colour: those furthest above self-consistency at equal samples, best first."""
    base = lines["self_consistency"]
    x, y = np.log([p.samples for p in base]), [p.accuracy for p in base]
    gains = {
        name: max(p.accuracy - float(np.interp(np.log(p.samples), x, y)) for p in points)
        for name, points in lines.items()
        if name not in ("self_consistency", *CONTROLS)
    }
    return sorted(gains, key=lambda name: -gains[name])[: len(COLOURS)]


def _draw(axes: Any, name: str, points: Sequence[Point], colours: dict[str, str]) -> None:
    x = [p.samples for p in points]
    y = [p.accuracy for p in points]
    shown = f" {name}" if name.startswith("_") else name  # legends leave out what starts with an underscore
    if name in CONTROLS:
        axes.plot(x[-1:], y[-1:], marker="x", linestyle="none", color="#555555", label=name, zorder=2)
        return
    reference = name == "self_consistency"
    colour = "#000000" if reference else colours.get(name, "#c8c8c8")
    strong = reference or name in colours
    label = shown if strong else "other strategies"
    if not strong and label in axes.get_legend_handles_labels()[1]:
        label = "_"
    axes.plot(x, y, color=colour, linewidth=2.0 if strong else 1.0, label=label, zorder=4 if strong else 1)
    axes.plot(x[-1:], y[-1:], marker="o", color=colour, markersize=6 if strong else 4, zorder=5 if strong else 1)
    low, high = [p.accuracy_ci[0] for p in points], [p.accuracy_ci[1] for p in points]
    if reference:
        axes.fill_between(x, low, high, color=colour, alpha=0.08, linewidth=0, zorder=0)
    elif strong:
        axes.vlines(x[-1:], low[-1:], high[-1:], color=colour, linewidth=1.5, alpha=0.6, zorder=3)
