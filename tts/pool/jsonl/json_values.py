"""Checked reading of JSON values: a value as its type, or a :class:`Fault` that names its key."""

from __future__ import annotations

import json
import math
from typing import Any

_SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class Fault(Exception):  # noqa: N818 - never leaves tts.pool
    """A fault of a value, still without the name of the file and the line number."""


def ids(value: object, key: str) -> tuple[int, ...]:
    """Return the value as a tuple of whole numbers."""
    found = array(value, key)
    if any(type(token) is not int for token in found):
        raise Fault(f"key {key!r} must be a list of whole numbers, got {shown(found)}")
    return tuple(found)


def floats(value: object, key: str) -> tuple[float, ...]:
    """Return the value as a tuple of floats; "inf", "-inf" and "nan" are floats that JSON has no number for."""
    numbers = []
    for number in array(value, key):
        if type(number) in (int, float):
            numbers.append(float(number))
        elif isinstance(number, str) and number in _SPECIAL:
            numbers.append(_SPECIAL[number])
        else:
            raise Fault(f"key {key!r} must hold numbers, 'inf', '-inf' or 'nan', got {shown(number)}")
    return tuple(numbers)


def finite(value: object, key: str) -> float:
    """Return the value as a finite float."""
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < 2**1023:
        return float(value)
    raise Fault(f"key {key!r} must be a finite number, got {shown(value)}")


def whole(value: object, key: str) -> int:
    """Return the value as a whole number in [0, 2^63)."""
    if type(value) is not int or not 0 <= value < 2**63:
        raise Fault(f"key {key!r} must be a whole number from 0 to 2^63 - 1, got {shown(value)}")
    return value


def flag(value: object, key: str) -> bool:
    """Return the value as true or false."""
    if not isinstance(value, bool):
        raise Fault(f"key {key!r} must be true or false, got {shown(value)}")
    return value


def string(value: object, key: str) -> str:
    """Return the value as a string."""
    if not isinstance(value, str):
        raise Fault(f"key {key!r} must be a string, got {shown(value)}")
    return value


def array(value: object, key: str) -> list[Any]:
    """Return the value as a list."""
    if not isinstance(value, list):
        raise Fault(f"key {key!r} must be a list, got {shown(value)}")
    return value


def mapping(value: object, key: str) -> dict[str, Any]:
    """Return the value as an object."""
    if not isinstance(value, dict):
        raise Fault(f"key {key!r} must be an object, got {shown(value)}")
    return value


def shown(value: object) -> str:
    """Return a value as JSON, cut short, for sentences."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
