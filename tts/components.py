"""Components from plain mappings: a name, or a mapping of a name and options, becomes an object.

    build_component("stopping rule", STOPPING_RULES, {"name": "beta", "level": 0.9})

Options are checked against the type hints of the class or function that builds the component. An unknown name, an
unknown option or a value of another type is refused with one sentence that lists what is allowed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from tts.errors import InputError, unknown_name

Builder = Callable[..., Any]
Reader = Callable[[Any], Any]

_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    list: "a list",
    Sequence: "a list",
    dict: "a mapping",
    Mapping: "a mapping",
    NoneType: "null",
}
_ACCEPTED: Mapping[Any, tuple[type, ...]] = {float: (int, float), Path: (str,), Sequence: (list, tuple)}


def build_component(what: str, kinds: Mapping[str, Builder], spec: object) -> Any:
    """Build one component from its name or its mapping.

    Args:
        what: the word for such a component in error messages, such as "weighting".
        kinds: the class or function that builds each kind, by name.
        spec: ``name`` or ``{name: ..., option: value}``.

    Raises:
        InputError: an unknown name, an unknown or missing option, or a value of another type.
    """
    if not isinstance(spec, str | Mapping):
        raise InputError(f"{what} must be a name or a mapping {{name: ..., option: ...}}, got {spec!r}")
    given = {"name": spec} if isinstance(spec, str) else dict(spec)
    name = str(given.pop("name", None))
    if name not in kinds:
        raise unknown_name(what, name, kinds)
    return kinds[name](**read_options(f"{what} {name}", kinds[name], given))


def read_options(
    what: str,
    build: Builder,
    given: Mapping[str, Any],
    *,
    hidden: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
    section: str = "",
    readers: Mapping[str, Reader] | None = None,
) -> dict[str, Any]:
    """Return the keyword arguments for a builder from options as a configuration gives them.

    Args:
        what: the component in error messages, such as "stopping rule beta".
        build: the class or function that builds it; its parameters are the options.
        given: values by option.
        hidden: parameters that a configuration does not set.
        also: further keys that messages list, which the caller reads itself.
        section: the configuration key that holds the options, such as "scorer".
        readers: functions that turn a value into an argument, by option; they check the value themselves.

    Raises:
        InputError: an unknown or missing option, or a value of another type.
    """
    options = {key: one for key, one in inspect.signature(build).parameters.items() if key not in hidden}
    hints, found = _hints(build), dict(given)
    for key, value in given.items():
        if key not in options:
            raise unknown_name(f"option of {what}", key, (*options, *also) or ("none",))
        if readers and key in readers:
            found[key] = readers[key](value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{what} needs a finite number for {key}, got {value}")
        elif not fits(value, hints.get(key, Any)):
            raise InputError(f"{what} needs {describe_type(hints[key])} for {key}, got {value!r}")
    for key, option in options.items():
        if option.default is inspect.Parameter.empty and key not in given:
            raise InputError(f"{what} needs {section}.{key}" if section else f"{what} needs a value for {key}")
    return found


def fits(value: object, hint: Any) -> bool:
    """Return whether a plain value has the type of a hint; a whole number is a number, and true is neither."""
    origin = get_origin(hint) or hint
    if origin in (Union, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    if origin in (Any, object) or not isinstance(origin, type):
        return True
    if isinstance(value, bool):
        return origin is bool
    return isinstance(value, _ACCEPTED.get(origin, (origin,)))


def describe_type(hint: Any) -> str:
    """Return the words for a type, such as "a whole number or null"."""
    origin = get_origin(hint) or hint
    if origin in _WORDS:
        return _WORDS[origin]
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    return " or ".join(describe_type(one) for one in get_args(hint)) or "a mapping"


def _hints(build: Builder) -> dict[str, Any]:
    """The types of a builder's parameters."""
    function = build.func if isinstance(build, partial) else build
    return get_type_hints(function.__init__ if inspect.isclass(function) else function)
