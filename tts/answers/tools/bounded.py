"""Checks by JSON schemas in bounded time: a schema comes with a request, and must not hold up the questions of others.

A schema may double its work with each reference, so steps are counted. Regular expressions are matched in time linear
in the text, by the engine of pydantic, which knows neither look-around nor back references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

import jsonschema
from pydantic_core import SchemaError, SchemaValidator, core_schema

from tts.errors import InputError

MAX_STEPS = 20_000
"""The most keywords of a schema that the check of one call evaluates."""
_LEFT: ContextVar[list[int]] = ContextVar("steps left")


class TooLongError(Exception):
    """A check takes more steps than it may."""


def is_valid(check: Any, value: Any) -> bool:
    """Return whether a value keeps a schema.

    Args:
        check: an instance of :func:`bounded`'s class.
        value: a JSON value.

    Raises:
        TooLongError: that takes more than :data:`MAX_STEPS` steps.
    """
    _LEFT.set([MAX_STEPS])
    return bool(check.is_valid(value))


def bounded(schema: Mapping[str, Any]) -> Any:
    """Return the class of the schema's draft that checks in bounded time.

    Raises:
        InputError: something in the schema that is not checked; the sentence goes on behind the schema's name.
    """
    _refuse(schema, root=True)
    return _counted(jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator))


def _refuse(node: Any, *, root: bool = False) -> None:
    """Refuse keywords that would leave the bounds, and regular expressions that the engine does not know."""
    if isinstance(node, list):
        for one in node:
            _refuse(one)
    elif isinstance(node, Mapping):
        for name, value in node.items():
            if name == "patternProperties" or (name == "$schema" and not root):
                raise InputError(f"must not hold {name} in the middle of the schema, which is not checked here")
            if name == "pattern" and isinstance(value, str):
                _expression(value)
            _refuse(value)


@lru_cache(maxsize=256)
def _expression(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError:
        raise InputError(
            f"holds the pattern {pattern!r:.60}, which is none that is matched here: look-around and back references "
            "are not known"
        ) from None


def _matches(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str) and not _expression(pattern).isinstance_python(instance):
        yield jsonschema.ValidationError("does not match")


@cache
def _counted(kind: Any) -> Any:
    """Return a class of validators whose keywords count as steps."""
    keywords = {**kind.VALIDATORS, "pattern": _matches}
    return jsonschema.validators.extend(kind, {name: _step(check) for name, check in keywords.items()})


def _step(check: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any) -> Any:
        left = _LEFT.get(None)
        if left is not None:
            left[0] -= 1
            if left[0] < 0:
                raise TooLongError
        return check(*arguments)

    return counted
