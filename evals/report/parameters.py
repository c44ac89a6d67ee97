"""Parameters of strategies as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


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
