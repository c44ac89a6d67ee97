"""Numbers as text, in the same units in every table: accuracies and savings in percent, differences in points.

Probabilities and shares of votes stand as they are, in [0, 1]. Differences have two decimals, so that the
ends of their intervals agree with the verdict.
"""

from __future__ import annotations

Interval = tuple[float, float]


def percent(fraction: float) -> str:
    """Return a fraction in percent, such as 91.1."""
    return f"{100 * fraction:.1f}"


def percent_interval(interval: Interval) -> str:
    """Return an interval of fractions in percent, such as [85.3, 95.5]."""
    return f"[{percent(interval[0])}, {percent(interval[1])}]"


def points(fraction: float) -> str:
    """Return a difference of fractions in points, such as -0.41; never -0.00."""
    return f"{round(100 * fraction, 2) + 0.0:+.2f}"


def points_interval(interval: Interval) -> str:
    """Return an interval of differences in points, such as [-1.21, +0.40]."""
    return f"[{points(interval[0])}, {points(interval[1])}]"


def probability(value: float) -> str:
    """Return a probability or a share with three decimals."""
    return f"{value:.3f}"


def samples(mean: float) -> str:
    """Return a mean number of samples a question."""
    return f"{mean:.1f}"


def tokens(mean: float) -> str:
    """Return a mean number of tokens a question."""
    return f"{mean:.0f}"


def money(amount: float) -> str:
    """Return an amount of money with three significant digits, such as 1.25 or 0.000431."""
    return f"{amount:.3g}" if amount < 1000 else f"{amount:.0f}"


def p_value(p: float) -> str:
    """Return a p-value without its 0, such as .032."""
    return "<.001" if p < 0.001 else "1" if p >= 0.9995 else f"{p:.3f}"[1:]
