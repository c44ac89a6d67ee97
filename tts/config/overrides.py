"""Overrides: ``key=value`` as one types it on the command line, read by the type of the key in the schema.

A key may be short: ``questions`` means ``task.questions`` where no other key of the schema ends so, ``engine.urls``
means ``engine.openai.urls``, and the singular of a list, ``strategy``, sets a list of one. A value of type text is the
rest of the argument as it stands, a list is separated by commas (its brackets may be left out), any other value is
YAML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from omegaconf import OmegaConf

from tts.config.keys import Key, keys
from tts.errors import InputError, first_line, suggestion

_NULL = "null"
_OTHERWISE = {"samples": "budget", "budget": "samples", "n": "questions"}
"""Keys that are often meant by a word that is no key of this schema."""


def read_override(schema: type[Any], override: str) -> dict[str, Any]:
    """Return an override as a nested mapping.

    Args:
        schema: a dataclass with a default for every key.
        override: ``key=value``, ``outer.inner=value``, or a short key that one key of the schema ends with.

    Raises:
        InputError: not of this form, an unknown key, a short key of several keys, or malformed YAML.
    """
    name, equals, text = override.partition("=")
    name = name.strip()
    if not equals or not name:
        raise InputError(f"override {override!r} must read key=value, such as seed=1")
    where = f"override {override!r}"
    key, rest = find_key(schema, name, where)
    value: Any = parse_value(text, where) if rest else read_value(key, text, where)
    for part in reversed([*key.path.split("."), *rest]):
        value = {part: value}
    found: dict[str, Any] = value
    return found


def find_key(schema: type[Any], name: str, where: str) -> tuple[Key, list[str]]:
    """Return the key of a whole or short name, and the rest of the name, which lies in an open mapping.

    Raises:
        InputError: no key or several keys have this name; the sentence starts with ``where``.
    """
    found = find_keys(schema, name)
    if not found:
        raise unknown_key(keys(schema), name, where)
    if len(found) > 1:
        candidates = ", ".join(".".join([key.path, *rest]) for key, rest in found)
        raise InputError(f"{where}: key {name!r} could be {candidates}: give one of them")
    return found[0]


def find_keys(schema: type[Any], name: str) -> list[tuple[Key, list[str]]]:
    """Return the keys that a whole or short name could mean, each with the rest of the name in an open mapping.

    A whole name means its key alone; a short one every key that ends with it; else a singular means a list.
    """
    known, parts = keys(schema), name.split(".")
    readings = [(key, size) for size in range(len(parts), 0, -1) for key in known if size == len(parts) or key.is_open]
    for matches in (_whole, _short, _singular):
        found = [(key, parts[size:]) for key, size in readings if matches(key, parts[:size])]
        if found:
            return found[:1] if matches is _whole else found
    return []


def unknown_key(known: Sequence[Key], name: str, where: str) -> InputError:
    """Return the error for an unknown key, with the keys beside it and the closest one of all."""
    outer = name.rpartition(".")[0]
    section = f"{outer}." if outer and any(key.path == outer and key.section for key in known) else ""
    allowed = [key.name for key in known if key.path == section + key.name]
    if section:
        hint = suggestion(name, [key.path for key in known])
        return InputError(f"{where}: unknown key {name!r}: {outer} has {', '.join(allowed)}{hint}")
    if (meant := _OTHERWISE.get(name)) is not None and any(key.name == meant for key in known):
        return InputError(f"{where}: unknown key {name!r}: allowed are {', '.join(allowed)}; did you mean {meant}?")
    hint = suggestion(name, allowed) or suggestion(name, [key.path for key in known] + [key.name for key in known])
    return InputError(f"{where}: unknown key {name!r}: allowed are {', '.join(allowed)}{hint}")


def read_value(key: Key, text: str, where: str) -> Any:
    """Return the value that a text means for a key.

    Raises:
        InputError: malformed YAML; the sentence starts with ``where``.
    """
    if str in key.kinds:
        if text == _NULL and NoneType in key.kinds:
            return None
        return text.replace("${", "\\${")  # as it stands: OmegaConf would look up ${name}
    if key.from_text is not None and text.strip() != _NULL and not text.strip().startswith("{"):
        return text
    if list in key.kinds and text.strip() != _NULL:
        bare = text.strip()
        return parse_value(bare if bare.startswith("[") else f"[{bare}]", where)
    return parse_value(text, where)


def shaped(schema: type[Any], values: Mapping[Any, Any], prefix: str = "") -> dict[Any, Any]:
    """Return values in the form that the schema has: one item as a list, a text as the mapping that it means.

    Args:
        schema: a dataclass with a default for every key.
        values: a mapping of keys, those of sections nested.
        prefix: the sections around these values, such as "engine.".
    """
    by_path = {key.path: key for key in keys(schema)}
    found = dict(values)
    for name, value in values.items():
        key = by_path.get(f"{prefix}{name}")
        if key is None:
            continue
        if list in key.kinds and isinstance(value, str | Mapping):
            found[name] = [part.strip() for part in value.split(",")] if isinstance(value, str) else [value]
        elif key.from_text is not None and isinstance(value, str):
            found[name] = dict(key.from_text(value))
        elif key.section and isinstance(value, Mapping):
            found[name] = shaped(schema, value, f"{key.path}.")
    return found


def _whole(key: Key, parts: Sequence[str]) -> bool:
    return key.path == ".".join(parts)


def _short(key: Key, parts: Sequence[str]) -> bool:
    """Return True if the path ends with the last part and has the others before it, in their order."""
    remaining = iter(key.path.split(".")[:-1])
    return key.name == parts[-1] and all(part in remaining for part in parts[:-1])


def _singular(key: Key, parts: Sequence[str]) -> bool:
    """Return True if the last part is the singular of a list's name, and the others stand before it."""
    one = parts[-1]
    plural = key.name if key.name in (f"{one}s", f"{one.removesuffix('y')}ies") else one
    return list in key.kinds and plural != one and _short(key, [*parts[:-1], plural])


def parse_value(text: str, where: str) -> Any:
    """Return the value that a text means in YAML.

    Raises:
        InputError: malformed YAML; the sentence starts with ``where``.
    """
    try:
        value = OmegaConf.from_dotlist([f"value={text}"])
    except Exception as error:
        raise InputError(f"{where} cannot be read: {yaml_reason(error)}") from None
    found: Any = OmegaConf.to_container(value, resolve=False)
    return found["value"]


def yaml_reason(error: BaseException) -> str:
    """Return the reason of an error in one line; of a YAML error the problem and its place."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem and mark:
        return f"{problem} at line {mark.line + 1}, column {mark.column + 1}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(first_line(error).split())
