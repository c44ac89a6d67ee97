"""The plot of a comparison: accuracy, and beside it the paired difference to self-consistency, against the cost.

Needs matplotlib (extra ``plot``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evals.comparison.fit import REFERENCE
from evals.comparison.frontier import Frontier
from evals.comparison.paired import Point
from evals.comparison.table import Compared
from evals.report.comparison_table import OWN, cheapest_not_worse
from evals.report.figures import BLACK, GREY, LIGHT, STYLE, Label, any_script, colour, label_ends, make_room, printable
from tts.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Axis = Literal["samples", "tokens", "cost", "seconds"]
AXES: dict[str, str] = {
    "samples": "mean samples a question",
    "tokens": "mean generated tokens a question",
    "cost": "mean cost of 1,000 questions",
    "seconds": "mean seconds of the machine a question",
}
"""The quantities of the horizontal axis, with their labels."""
CONTROLS = ("oracle", "random", "first_sample")
STRONG = 8
"""The most strategies that have a colour and a name."""
_TICKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)


def check_axis(rows: Sequence[Compared], x: Axis) -> None:
    """Refuse a horizontal axis that the comparison has no numbers for.

    Raises:
        InputError: the pool counts no tokens or records no times, or there are no prices.
    """
    if all(_spent(row.point, x) is not None for row in rows):
        return
    if x == "cost":
        raise InputError("a plot against cost needs prices: give price.generated=... (per million tokens)")
    if x == "seconds":
        raise InputError(
            "a plot against seconds needs a pool that records times: draw it with `tts run` or `tts sample`"
        )
    raise InputError("a plot against tokens needs a pool that counts them: plot against samples")


def plot(
    title: str,
    rows: Sequence[Compared],
    frontiers: Sequence[Frontier] | None,
    *,
    x: Axis = "samples",
    margin: float = 0.005,
) -> Figure:
    """Draw accuracy, and the paired difference to self-consistency at the full budget, against the cost (log axis).

    A line is a strategy at growing budgets, or, with frontiers, tuned within growing numbers of samples; its mark is
    the full budget. Bands and bars are 95 % intervals over questions. The framework's own strategies and those that
    reach furthest above self-consistency at equal cost have a colour and a name, the others are grey.

    Args:
        title: the title of the plot.
        rows: one a strategy.
        frontiers: sweeps, or None without them.
        x: the cost.
        margin: the loss of accuracy that still counts as not inferior.

    Returns:
        The figure; :func:`evals.report.figures.save` writes it.

    Raises:
        InputError: as :func:`check_axis`.
    """
    check_axis(rows, x)
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    lines = _lines(rows, frontiers, x)
    strong = _strong(rows, lines, x)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(14, 6), layout="constrained")
        left, right = figure.subplots(1, 2, sharex=True)
        for name, points in lines.items():
            _draw(left, name, points, x, name in strong)
            _draw_difference(right, name, points, x, name in strong)
        _draw_margin(right, max(_at(p, x) for points in lines.values() for p in points), margin)
        left.yaxis.set_major_formatter(PercentFormatter(1.0))
        right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+g}" if value else "0"))
        left.set_ylabel("accuracy, 95 % interval")
        right.set_ylabel("paired difference to self-consistency, points, 95 % band")
        for axes in (left, right):
            _set_cost_axis(axes, lines, x)
        _zoom(right, [p for name, points in lines.items() if name in strong for p in points])
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=11)
        figure.supxlabel("grey: other strategies; x: controls; mark: full budget", x=0.01, ha="left", fontsize=8)
        with any_script():
            figure.draw_without_rendering()  # places the axes
        figure.set_layout_engine("none")
        named = {name: points for name, points in lines.items() if name in strong or name in CONTROLS}
        names = [_label(name, points[-1], x, points[-1].accuracy) for name, points in named.items()]
        make_room(left, names)
        label_ends(left, names)
        inside = right.get_ylim()
        ends = [(name, points[-1], points[-1].accuracy_diff or 0.0) for name, points in named.items()]
        label_ends(right, [_label(name, p, x, y) for name, p, y in ends if inside[0] <= y <= inside[1]])
    return figure


def _spent(point: Point, x: Axis) -> float | None:
    """Return the position of a point on the horizontal axis."""
    value: float | None = getattr(point, x)
    return None if value is None else value * (1000 if x == "cost" else 1)


def _at(point: Point, x: Axis) -> float:
    value = _spent(point, x)
    assert value is not None  # checked
    return value


def _lines(rows: Sequence[Compared], frontiers: Sequence[Frontier] | None, x: Axis) -> dict[str, list[Point]]:
    lines = {row.name: [point for _, point in row.efficiency] for row in rows}
    for frontier in frontiers or ():
        if frontier.name != REFERENCE and frontier.name in lines:
            lines[frontier.name] = [tuned.point for _, tuned in frontier.within] or lines[frontier.name]
    lines.pop("oracle", None)
    return {name: sorted(points, key=lambda p: _at(p, x)) for name, points in lines.items()}


def _strong(rows: Sequence[Compared], lines: dict[str, list[Point]], x: Axis) -> list[str]:
    """Return the strategies to colour.

    They are self-consistency, the framework's own, the cheapest one that is not worse, and those that reach furthest
    above self-consistency at equal cost.
    """
    base = lines[REFERENCE]
    at, accuracy = np.log([_at(p, x) for p in base]), [p.accuracy for p in base]
    gains = {
        name: max(p.accuracy - float(np.interp(np.log(_at(p, x)), at, accuracy)) for p in points)
        for name, points in lines.items()
        if name not in (REFERENCE, *CONTROLS)
    }
    own = [row.name for row in rows if row.source == OWN and row.name in gains]
    best = cheapest_not_worse(rows)
    first = [*own, *([best.name] if best is not None and best.name in gains else [])]
    return [REFERENCE, *dict.fromkeys([*first, *sorted(gains, key=lambda name: -gains[name])])][:STRONG]


def _draw(axes: Any, name: str, points: Sequence[Point], x: Axis, strong: bool) -> None:
    at, accuracy = [_at(p, x) for p in points], [p.accuracy for p in points]
    if name in CONTROLS:
        axes.plot(at[-1:], accuracy[-1:], marker="x", linestyle="none", color=GREY, zorder=2)
        return
    shade = colour(name) if strong else LIGHT
    _line(axes, at, accuracy, shade, strong)
    low, high = [p.accuracy_ci[0] for p in points], [p.accuracy_ci[1] for p in points]
    if name == REFERENCE:
        axes.fill_between(at, low, high, color=shade, alpha=0.08, linewidth=0, zorder=0)
    elif strong:
        axes.vlines(at[-1:], low[-1:], high[-1:], color=shade, linewidth=1.5, alpha=0.5, zorder=3)


def _draw_difference(axes: Any, name: str, points: Sequence[Point], x: Axis, strong: bool) -> None:
    at, diff = [_at(p, x) for p in points], [p.accuracy_diff or 0.0 for p in points]
    if name in CONTROLS:
        axes.plot(at[-1:], diff[-1:], marker="x", linestyle="none", color=GREY, zorder=2)
        return
    shade = colour(name) if strong else LIGHT
    _line(axes, at, diff, shade, strong)
    if strong:
        low, high = zip(*(p.accuracy_diff_ci or (0.0, 0.0) for p in points), strict=True)
        axes.fill_between(at, low, high, color=shade, alpha=0.08, linewidth=0, zorder=0)
        if len(points) == 1:
            axes.vlines(at, low, high, color=shade, linewidth=1.5, alpha=0.5, zorder=3)


def _draw_margin(axes: Any, most: float, margin: float) -> None:
    """Draw the lines at no difference and at the margin, as far as lines of strategies go."""
    axes.plot([1e-9, most], [0, 0], color=BLACK, linewidth=0.8, zorder=1)
    axes.plot([1e-9, most], [-margin, -margin], color=GREY, linewidth=1, linestyle=":", zorder=1)
    axes.annotate(
        f"not worse: above -{100 * margin:g}",
        (0.01, -margin),
        xycoords=("axes fraction", "data"),
        color=GREY,
        fontsize=7.5,
        va="top",
    )


def _line(axes: Any, at: Sequence[float], values: Sequence[float], shade: str, strong: bool) -> None:
    axes.plot(at, values, color=shade, linewidth=2.0 if strong else 1.0, zorder=4 if strong else 1)
    axes.plot(at[-1:], values[-1:], marker="o", color=shade, markersize=6 if strong else 4, zorder=5 if strong else 1)


def _label(name: str, point: Point, x: Axis, y: float) -> Label:
    return Label(name, _at(point, x), y, GREY if name in CONTROLS else colour(name))


def _set_cost_axis(axes: Any, lines: dict[str, list[Point]], x: Axis) -> None:
    """Set a log axis with plain numbers, and room at the right for the names of lines."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    spent = [_at(p, x) for points in lines.values() for p in points]
    least, most = min(spent), max(spent)
    axes.set_xscale("log")
    if x == "samples":
        axes.xaxis.set_major_locator(FixedLocator([t for t in _TICKS if t <= most * 1.05]))
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(least / 1.1, most * (most / least) ** 0.45)
    axes.set_xlabel(f"{AXES[x]} (log scale)")
    axes.grid(alpha=0.25)


def _zoom(axes: Any, points: Sequence[Point]) -> None:
    """Show the differences down to the worst end of a line; a single sample would press all others together."""
    ends = [p.accuracy_diff_ci or (0.0, 0.0) for p in points]
    last = sorted(low for low, _ in ends)[len(ends) // 3]
    high = max(0.005, *(high for _, high in ends))
    axes.set_ylim(last - 0.1 * (high - last), high + 0.1 * (high - last))
