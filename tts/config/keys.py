"""The keys of a configuration: name, type, default and description, read from the dataclasses that check them.

    for key in keys(RunConfig):
        print(key.path, key.type, key.default, key.text)

A description is the line of the key in the section "Attributes" of its dataclass's docstring.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from tts.components import describe_type

FROM_TEXT = "from_text"
"""The metadata of an open mapping, and the static method of a section, that turn one text into the mapping it means."""
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of a configuration.

    Attributes:
        path: its name, with the names of the sections around it, such as "engine.model".
        hint: its type, as a type hint.
        default: its default; of a section the dataclass instance.
        text: its description.
        from_text: turns a text in place of a mapping into the mapping; None where a text means nothing.
    """

    path: str
    hint: Any
    default: Any
    text: str
    from_text: Callable[[str], Mapping[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that a value may have, without parameters; ``NoneType`` for null."""
        union = get_origin(self.hint) in (Union, UnionType)
        return tuple(get_origin(one) or one for one in (get_args(self.hint) if union else (self.hint,)))

    @property
    def section(self) -> bool:
        """True for a key that holds keys of a schema of their own."""
        return dataclasses.is_dataclass(self.kinds[0])

    @property
    def is_open(self) -> bool:
        """True for a mapping whose keys no schema lists."""
        return any(kind in (dict, Any) for kind in self.kinds)

    @property
    def type(self) -> str:
        """The words for its type, such as "whole number or null"."""
        return " or ".join("any" if kind is Any else _word(kind) for kind in self.kinds)


def keys(schema: type[Any]) -> tuple[Key, ...]:
    """Return every key of a schema, each section before its keys, in the order of their declaration."""
    found: tuple[Key, ...] = _cached(schema)
    return found


def _listed(schema: Any) -> tuple[Key, ...]:
    return tuple(_walk(schema, None, ""))


_cached: Any = cache(_listed)


def _walk(schema: type[Any], instance: Any, prefix: str) -> Iterator[Key]:
    hints, texts = get_type_hints(schema), descriptions(schema)
    for field in dataclasses.fields(schema):
        default = _default(field) if instance is None else getattr(instance, field.name)
        from_text = field.metadata.get(FROM_TEXT, getattr(hints[field.name], FROM_TEXT, None))
        key = Key(prefix + field.name, hints[field.name], default, texts.get(field.name, ""), from_text)
        yield key
        if key.section:
            yield from _walk(key.kinds[0], default, f"{key.path}.")


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def descriptions(schema: type[Any]) -> dict[str, str]:
    """Return the description of each attribute from the docstrings of a dataclass and its bases."""
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        name = None
        _, _, section = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")
        for line in section.splitlines():
            if match := _ATTRIBUTE.fullmatch(line):
                name, text = match.groups()
                found[name] = text
            elif name and line.startswith("        "):
                found[name] += " " + line.strip()
            elif line.strip():
                break
    return {name: _ROLE.sub(r"\1", text).replace("``", "`") for name, text in found.items()}


def _word(kind: Any) -> str:
    if kind is NoneType:
        return "null"
    return describe_type(kind).removeprefix("a ") if not dataclasses.is_dataclass(kind) else "section"
