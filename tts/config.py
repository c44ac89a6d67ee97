"""Configuration: a dataclass is the schema, YAML files are values, ``key=value`` are overrides, later ones win.

OmegaConf structured configs; an unknown key, a wrong type or a missing file gets one sentence that names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tts.components import describe_type
from tts.errors import InputError, suggestion

T = TypeVar("T")


def load_config(schema: type[T], files: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> T:
    """Read a configuration.

    Args:
        schema: a dataclass with a default for every key.
        files: YAML files, merged in order.
        overrides: ``key=value`` or ``outer.inner=value`` strings, applied last.

    Returns:
        An instance of ``schema``.

    Raises:
        InputError: a missing or malformed file, an unknown key or a value of the wrong type.
    """
    config = OmegaConf.structured(schema)
    for file in files:
        config = _merge(schema, config, _read(file), f"config file {file}")
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or not key.strip():
            raise InputError(f"override {override!r} must read key=value, such as seed=1")
        try:
            values = OmegaConf.from_dotlist([override])
        except Exception as error:
            raise InputError(f"override {override!r} cannot be read: {_reason(error)}") from None
        config = _merge(schema, config, values, f"override {override!r}")
    try:
        built: T = OmegaConf.to_object(config)  # type: ignore[assignment]
    except OmegaConfBaseException as error:  # an interpolation such as ${key} that leads nowhere
        raise InputError(f"key {error.full_key or '?'} of the configuration: {_reason(error)}") from None
    return built


def from_mapping(schema: type[T], values: Mapping[str, Any], where: str) -> T:
    """Check a mapping against a schema and return an instance of it; ``where`` names the mapping in messages.

    Raises:
        InputError: an unknown key or a value of the wrong type.
    """
    config = _merge(schema, OmegaConf.structured(schema), OmegaConf.create(dict(values)), where)
    built: T = OmegaConf.to_object(config)  # type: ignore[assignment]
    return built


def _read(file: str | Path) -> Any:
    try:
        values = OmegaConf.load(file)
    except FileNotFoundError:
        raise InputError(f"config file {file} does not exist") from None
    except Exception as error:  # whatever the YAML reader makes of a malformed file
        raise InputError(f"config file {file} cannot be read: {_reason(error)}") from None
    if not OmegaConf.is_dict(values):
        raise InputError(f"config file {file} must hold keys and values at its top level, such as `seed: 1`")
    return values


def _merge(schema: type[Any], config: Any, values: Any, where: str) -> Any:
    allowed = [f.name for f in dataclasses.fields(schema)]
    given: Any = OmegaConf.to_container(values, resolve=False)
    for key, value in given.items():
        if key not in allowed:
            hint = suggestion(key, allowed)
            raise InputError(f"{where}: unknown key {key!r}: allowed are {', '.join(allowed)}{hint}")
        try:
            config = OmegaConf.unsafe_merge(config, {key: value})  # without a copy: after an error nothing reads it
        except (OmegaConfBaseException, TypeError) as error:
            inner = getattr(error, "full_key", None) or key
            if inner != key:
                raise InputError(f"{where}: key {inner!r} cannot take this value: {_reason(error)}") from None
            wanted = describe_type(get_type_hints(schema)[key])
            raise InputError(f"{where}: key {key!r} must be {wanted}, got {_shown(value)}") from None
    return config


def _shown(value: Any) -> str:
    """The value as YAML spells it: null and true, not None and True."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(dict(value) if isinstance(value, Mapping) else value)


def _reason(error: BaseException) -> str:
    """The reason of an error in one line; of a YAML error the problem and its place."""
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem and mark:
        return f"{problem} at line {mark.line + 1}, column {mark.column + 1}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split("\n")[0].split())
