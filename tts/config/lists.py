"""Keys that take a list in place of one value: a configuration for each choice of one item of each list.

load_each(RunConfig, [], ["task=[gsm8k,svamp]", "model=[a,b]"], LISTED)    # four configurations
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from tts.config.keys import keys
from tts.config.load import built, defaults, merge, read_file
from tts.config.overrides import parse_value, read_override
from tts.errors import InputError

T = TypeVar("T")
Source = tuple[dict[Any, Any], str]
"""Values, and the words for their place in sentences."""

LISTED = ("task", "engine.model")
"""The keys of a run that take a list."""


def load_each(
    schema: type[T], files: Sequence[str | Path], overrides: Sequence[str], listed: Sequence[str] = LISTED
) -> list[T]:
    """Read the configurations that files and overrides mean together; see :func:`tts.config.load.load_config`.

    Args:
        schema: a dataclass with a default for every key.
        files: YAML files, merged in order.
        overrides: ``key=value`` strings, applied last.
        listed: the keys that take a list, the one that varies slowest first.

    Returns:
        One configuration for each choice of one item of each list; one alone where there is no list.

    Raises:
        InputError: as ``load_config``, or a list that is empty or holds other things than texts and mappings.
    """
    sources: list[Source] = [(read_file(file, schema), f"config file {file}") for file in files]
    sources += [(read_override(schema, override), f"override {override!r}") for override in overrides]
    return each_of(schema, sources, listed)


def each_of(schema: type[T], sources: Sequence[Source], listed: Sequence[str] = LISTED) -> list[T]:
    """Return the configurations that several mappings mean together, later ones winning; see :func:`load_each`.

    Args:
        schema: a dataclass with a default for every key.
        sources: the mappings, each with the words for its place.
        listed: the keys that take a list.

    Raises:
        InputError: as ``load_each``.
    """
    own = {key.path: key for key in keys(schema)}
    lists: dict[str, tuple[int, list[Any]]] = {}
    plain: list[Source] = []
    for number, (values, where) in enumerate(sources):
        rest = values
        for path in listed:
            found = _at(rest, path.split("."))
            if path not in own or found is None:
                continue
            if isinstance(found, Mapping) and isinstance(found.get("name"), str | list):  # of task.name=[a, b]
                items = _items(found["name"], f"{path}.name", where)
                rest = rest if items is None else _without(rest, [*path.split("."), "name"])
            else:
                items = _items(found, path, where)
                rest = rest if items is None else _without(rest, path.split("."))
            if items is not None:
                lists[path] = number, [_item(item, own[path].from_text) for item in items]
            elif isinstance(found, str):
                lists.pop(path, None)
        plain.append((rest, where))
    configs = []
    for choice in product(*(items for _, items in lists.values())):
        config = defaults(schema)
        for number, (values, where) in enumerate(plain):
            for (path, (place, _)), item in zip(lists.items(), choice, strict=True):
                if place == number:
                    config = merge(schema, config, _nested(path, item), where)
            config = merge(schema, config, values, where)
        configs.append(built(schema, config))
    return configs


def _items(value: Any, path: str, where: str) -> list[Any] | None:
    """Return the items of a list; None for one value."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and text.endswith("]"):
            value = parse_value(text, where)
        elif "," in text and not text.startswith("{") and not os.path.exists(text):
            value = [part.strip() for part in text.split(",")]
    if not isinstance(value, list):
        return None
    if not value or not all(isinstance(item, Mapping) or (isinstance(item, str) and item.strip()) for item in value):
        raise InputError(f"{where}: {path} takes a name or a list of names, got {value}")
    return value


def _item(item: Any, from_text: Any) -> Any:
    """Return an item as its key reads it: a text, or the mapping that it means with further keys."""
    if isinstance(item, Mapping) and from_text is not None and isinstance(item.get("name"), str):
        return {**from_text(item["name"]), **{key: value for key, value in item.items() if key != "name"}}
    return item


def _at(values: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if not isinstance(values, Mapping):
            return None
        values = values.get(part)
    return values


def _without(values: dict[Any, Any], parts: Sequence[str]) -> dict[Any, Any]:
    """Return nested values without those of one key."""
    if len(parts) == 1:
        return {key: value for key, value in values.items() if key != parts[0]}
    return {**values, parts[0]: _without(values[parts[0]], parts[1:])}


def _nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    found: dict[str, Any] = value
    return found
