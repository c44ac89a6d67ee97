"""JSON values in one spelling.

Neither the order of keys nor spacing matters, and 1 is 1.0; types and Unicode matter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

MAX_CHARS = 1 << 20
"""The most characters of the arguments of a call."""
MAX_DEPTH = 64
"""The most objects and lists within each other."""
_PLAIN_DIGITS = 21
"""The most digits of a number that is spelled without an exponent."""


def parse(text: str) -> Any:
    """Return the value of a JSON text, numbers as exact decimals.

    Args:
        text: at most :data:`MAX_CHARS` characters.

    Raises:
        ValueError: it is no JSON, too long, nested too deep, not valid Unicode, or an object of it has a key twice.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS} characters")
    try:
        value = json.loads(
            text, parse_int=Decimal, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_object
        )
    except (RecursionError, InvalidOperation) as error:
        raise ValueError(str(error)) from None
    _check(value, MAX_DEPTH)
    return value


def spelled(value: Any) -> str:
    """Return the one spelling of a value of :func:`parse`; equal values have equal spellings, others never.

    Args:
        value: null, a truth value, a decimal, a text, a list, or an object.
    """
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, list):
        return "[" + ",".join(map(spelled, value)) + "]"
    return "{" + ",".join(f"{spelled(key)}:{spelled(one)}" for key, one in sorted(value.items())) + "}"


def _number(value: Decimal) -> str:
    """Return a number as JSON; no context rounds it."""
    sign, given, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # no NaN, no infinity
    digits = "".join(map(str, given)).lstrip("0")
    if not digits:
        return "0"
    kept = digits.rstrip("0")
    exponent += len(digits) - len(kept)
    minus, point = "-" * sign, len(kept) + exponent  # the digits in front of the point
    if exponent >= 0 and point <= _PLAIN_DIGITS:
        return minus + kept + "0" * exponent
    if 0 < point < len(kept):
        return f"{minus}{kept[:point]}.{kept[point:]}"
    if -_PLAIN_DIGITS < point <= 0:
        return f"{minus}0.{'0' * -point}{kept}"
    fraction = f".{kept[1:]}" if len(kept) > 1 else ""
    return f"{minus}{kept[0]}{fraction}e{point - 1}"


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _check(value: Any, depth: int) -> None:
    """Refuse what nests too deep, and halves of characters."""
    if isinstance(value, str):
        value.encode("utf-8")  # a UnicodeEncodeError is a ValueError
    elif isinstance(value, dict | list):
        if not depth:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        for one in [*value.keys(), *value.values()] if isinstance(value, dict) else value:
            _check(one, depth - 1)
