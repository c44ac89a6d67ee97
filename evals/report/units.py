"""Numbers and parameters as text; numbers in the same units everywhere: accuracies in percent, differences in points.

Probabilities and shares of votes stand as they are, in [0, 1]. Differences have two decimals, so that the
ends of their intervals agree with the verdict.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

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


def seconds(mean: float) -> str:
    """Return mean seconds with three significant digits."""
    return f"{mean:.3g}"


def p_value(p: float) -> str:
    """Return a p-value without its 0, such as .032."""
    return "<.001" if p < 0.001 else "1" if p >= 0.9995 else f"{p:.3f}"[1:]


def options(value: Any) -> dict[str, Any]:
    """Return the fields of a data class by name, as they are."""
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def describe(value: Any) -> str:
    """Return a parameter as text: short numbers, components as ``name(option=value)``, two folds as ``a | b``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{component_name(value)}({describe_all(options(value))})"
    if isinstance(value, Mapping):
        return f"{value.get('name')}({describe_all({k: v for k, v in value.items() if k != 'name'})})"
    if isinstance(value, list):
        return " | ".join(describe(v) for v in value)
    if isinstance(value, tuple):
        return " or ".join(describe(v) for v in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def describe_all(params: Mapping[str, Any]) -> str:
    """Return parameters as text, ``name=value`` each."""
    return ", ".join(f"{k}={describe(v)}" for k, v in params.items())


def component_name(component: Any) -> str:
    """Return the name of a weighting or a rule in configurations."""
    return str(component.name)
