"""Keyword arguments of the front door as a configuration, checked like a configuration file.

A key of the engine, such as ``temperature``, may be given by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from tts.config.load import from_mapping
from tts.errors import InputError, suggestion

T = TypeVar("T")


def configured(schema: type[T], call: str, given: Mapping[str, Any], **settings: Any) -> T:
    """Return a configuration from keyword arguments; None keeps a default.

    Args:
        schema: a dataclass with a key ``engine``.
        call: the function that was called, for messages.
        given: arguments by the name of their key, "engine.model" for a nested one.
        settings: keys of the schema or of its engine, by name.

    Raises:
        InputError: an unknown key, or a value of another type or out of range.
    """
    return from_mapping(schema, keyed(schema, call, given, **settings), f"{call}(...)")


def keyed(schema: type[Any], call: str, given: Mapping[str, Any], **settings: Any) -> dict[str, Any]:
    """Return the mapping of a configuration that keyword arguments mean; see :func:`configured`.

    Args:
        schema: a dataclass with a key ``engine``; its ``by_own_name`` names the sections whose keys may be given by
            their own names, which are those of the engine alone without it.
        call: the function that was called, for messages.
        given: arguments by the name of their key.
        settings: keys of the schema or of these sections, by name.

    Raises:
        InputError: an unknown key.
    """
    values: dict[str, Any] = {}
    places = _places(schema)
    for name, value in {**given, **settings}.items():
        if value is None:
            continue
        path = name.split(".")
        if name in settings:
            if name not in places:
                raise InputError(f"{call} has no argument {name!r}{suggestion(name, places)}")
            path = places[name]
        place = values
        for key in path[:-1]:
            place = place.setdefault(key, {})
        place[path[-1]] = plain(value)
    return values


def _places(schema: type[Any]) -> dict[str, list[str]]:
    """Return the path of each key that may be given by its own name; keys of the schema itself go first."""
    hints = get_type_hints(schema)
    places = {field.name: [field.name] for field in fields(schema)}
    for section in getattr(schema, "by_own_name", ("engine",)):
        for field in fields(hints[section]):
            places.setdefault(field.name, [section, field.name])
    return places


def named(value: str | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return a component given by its name as a mapping."""
    return {"name": value} if isinstance(value, str) else value


def plain(value: Any) -> Any:
    """Return mappings, tuples and configurations as plain containers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
