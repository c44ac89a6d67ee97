"""The quality of a confidence: the table of its metrics, and the plot of its reliability and its risk-coverage curve.

The plot needs matplotlib (extra ``plot``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.metrics.quality import Quality
from evals.metrics.scored import ScoredSamples
from evals.report import units
from evals.report.figures import BLUE, GREY, RED, STYLE, printable
from evals.report.tables import Column, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 40  # of the histogram


def plot(title: str, samples: ScoredSamples, quality: Quality, *, score: str = "confidence") -> Figure:
    """Draw the reliability diagram over a histogram of the confidences, and beside it the risk-coverage curve.

    Each point of the diagram is an equal-mass bin: its mean confidence, its accuracy and a 95 % interval over
    questions. Raw scores, which are no probabilities, are drawn over their range without a diagonal. The curve has a
    95 % band over questions and lies between the curves of an oracle and of a random order.

    Args:
        title: the title of the plot.
        samples: the samples.
        quality: their measured quality.
        score: the name of the horizontal axis.

    Returns:
        The figure; :func:`evals.report.figures.save` writes it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 5.6), layout="constrained")
        grid = figure.add_gridspec(2, 2, height_ratios=(4, 1))
        upper, curve = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[:, 1])
        lower = figure.add_subplot(grid[1, 0], sharex=upper)
        _reliability(upper, samples, quality)
        _histogram(lower, samples, score)
        _risk_coverage(curve, quality)
        figure.suptitle(printable(title), x=0.01, ha="left", fontsize=11)
    return figure


@dataclass(frozen=True, slots=True)
class _Value(Column):
    """A column of numbers, of which some rows are shares, shown in percent."""

    percent: Callable[[Any], str] = units.percent

    def text(self, row: Mapping[str, Any]) -> str:
        """Return the text of a row's cell; a missing value is a dash."""
        value = row.get(self.key)
        return "-" if value is None else (self.percent if row["percent"] else self.show)(value)


def reliability_table(quality: Quality) -> Table:
    """Return the metrics with their intervals: accuracies in percent, all others in their own units."""
    columns = (
        Column("metric", "metric", left=True),
        _Value("value", "value", lambda value: f"{value:.4f}", percent=units.percent),
        _Value(
            "value_ci",
            "95 % interval",
            lambda ends: f"[{ends[0]:.4f}, {ends[1]:.4f}]",
            interval=True,
            percent=units.percent_interval,
        ),
        Column("better", "better", left=True),
    )
    rows = [
        {
            "metric": m.metric.label,
            "value": m.value,
            "value_ci": m.interval,
            "better": "" if m.metric.better == "neither" else m.metric.better,
            "percent": m.metric.percent,
        }
        for m in quality.measured
    ]
    return Table(columns, tuple(rows), styles=tuple("dim" if m.value is None else "" for m in quality.measured))


def _reliability(axes: Any, samples: ScoredSamples, quality: Quality) -> None:
    from matplotlib.ticker import PercentFormatter

    if samples.probabilities:
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="perfect calibration", zorder=1)
        axes.set_xlim(-0.02, 1.02)
        found = _values(quality, ECE="ece_equal_mass", smECE="smooth_ece", Brier="brier")
        axes.set_title(f"Reliability: {found}", loc="left")
    else:
        axes.set_title("Accuracy by score (no probabilities: calibration is not defined)", loc="left")
    x = [one.confidence for one in quality.bins]
    y = [one.accuracy for one in quality.bins]
    barred = [one for one in quality.bins if one.accuracy_ci is not None]
    if barred:
        ends = [one.accuracy_ci or (0.0, 0.0) for one in barred]
        axes.vlines([one.confidence for one in barred], *zip(*ends, strict=True), color=BLUE, linewidth=1.5, alpha=0.6)
    axes.plot(x, y, color=BLUE, linewidth=0.8, alpha=0.5, zorder=2)
    axes.plot(x, y, "o", color=BLUE, markersize=5, label="equal-mass bin, 95 %", zorder=3)
    axes.set_ylim(-0.02, 1.14)  # room for the legend
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel("accuracy")
    axes.tick_params(labelbottom=False)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left", ncols=2, fontsize=9, frameon=False)


def _histogram(axes: Any, samples: ScoredSamples, score: str) -> None:
    low, high = (0.0, 1.0) if samples.probabilities else (samples.confidence.min(), samples.confidence.max())
    edges = np.linspace(low, high if high > low else low + 1, _COLUMNS + 1)
    groups = [samples.confidence[samples.correct], samples.confidence[~samples.correct]]
    axes.hist(groups, bins=edges, stacked=True, color=[BLUE, RED], alpha=0.75, label=["correct", "wrong"])
    axes.set_ylabel("samples")
    axes.set_xlabel(score)
    axes.set_ylim(0, 1.5 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left", ncols=2, fontsize=9, frameon=False)


def _risk_coverage(axes: Any, quality: Quality) -> None:
    from matplotlib.ticker import PercentFormatter

    curve, error = quality.curve, 1 - quality.accuracy
    if curve.low is not None and curve.high is not None:
        axes.fill_between(curve.coverage, curve.low, curve.high, color=BLUE, alpha=0.15, linewidth=0, label="95 % band")
    axes.plot(curve.coverage, curve.risk, color=BLUE, linewidth=2, label="most confident first", zorder=3)
    axes.axhline(error, color=GREY, linewidth=1, linestyle=":", label="random order", zorder=1)
    axes.plot(curve.coverage, curve.optimal, color=GREY, linewidth=1, linestyle="--", label="oracle", zorder=2)
    top = max(float(np.max(part)) for part in (curve.risk, curve.optimal, [error]))
    if curve.high is not None:
        top = max(top, float(np.max(curve.high)))
    top = top or 0.01  # where nothing is wrong
    axes.set_ylim(-0.02 * top, 1.25 * top)  # room for the legend
    axes.set_xlim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None if top > 0.02 else 1))
    axes.set_xlabel("coverage: share of samples answered, most confident first")
    axes.set_ylabel("selective risk: error rate among them")
    found = _values(quality, AURC="aurc")
    axes.set_title(f"Risk and coverage: {found}, oracle {curve.optimal_aurc:.3f}, random {error:.3f}", loc="left")
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left", ncols=2, fontsize=9, frameon=False)


def _values(quality: Quality, **names: str) -> str:
    """Return metrics as text, such as "ECE 0.051, Brier 0.140"."""
    values = {m.metric.name: m.value for m in quality.measured}
    shown = ((label, values.get(name)) for label, name in names.items())
    return ", ".join(f"{label} {value:.3f}" for label, value in shown if value is not None)
