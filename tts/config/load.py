"""Loading: YAML files and ``key=value`` overrides fill a dataclass schema, later ones win.

OmegaConf structured configs; an unknown key, a wrong type or a missing file gets one sentence that names it.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tts.components import describe_type
from tts.config.keys import Key, keys
from tts.config.overrides import read_override, shaped, unknown_key, yaml_reason
from tts.errors import InputError

T = TypeVar("T")


def load_config(schema: type[T], files: Sequence[str | Path] = (), overrides: Sequence[str] = ()) -> T:
    """Read a configuration.

    Args:
        schema: a dataclass with a default for every key.
        files: YAML files, merged in order.
        overrides: ``key=value`` strings, applied last; see :mod:`tts.config.overrides`.

    Returns:
        An instance of ``schema``.

    Raises:
        InputError: a missing or malformed file, an unknown key or a value of the wrong type.
    """
    config = defaults(schema)
    for file in files:
        config = merge(schema, config, read_file(file, schema), f"config file {file}")
    for override in overrides:
        config = merge(schema, config, read_override(schema, override), f"override {override!r}")
    return built(schema, config)


def from_mapping(schema: type[T], values: Mapping[str, Any], where: str) -> T:
    """Check a mapping against a schema and return an instance of it; ``where`` names the mapping in messages.

    Raises:
        InputError: an unknown key or a value of the wrong type.
    """
    return built(schema, merge(schema, defaults(schema), values, where))


def defaults(schema: Any) -> Any:
    """Return a copy of the defaults of a schema; making them anew takes 40 times as long."""
    pickled = _pickled(schema)
    return OmegaConf.structured(schema) if pickled is None else pickle.loads(pickled)


@cache
def _pickled(schema: Any) -> bytes | None:
    try:
        return pickle.dumps(OmegaConf.structured(schema))
    except (AttributeError, pickle.PicklingError):  # a class inside of a function
        return None


def built(_: type[T], config: Any) -> T:
    """Return the instance of a schema that a merged configuration means.

    Raises:
        InputError: the schema's own checks refuse a value, or an interpolation leads nowhere.
    """
    try:
        found: T = OmegaConf.to_object(config)  # type: ignore[assignment]
    except OmegaConfBaseException as error:  # an interpolation such as ${key} that leads nowhere
        raise InputError(f"key {error.full_key or '?'} of the configuration: {yaml_reason(error)}") from None
    return found


def read_file(file: str | Path, schema: type[Any]) -> dict[Any, Any]:
    """Return the keys and values of a YAML file.

    Relative paths in the sections that ``schema.beside_the_file`` names start from the folder of the file.

    Raises:
        InputError: no such file, malformed YAML, or no mapping at its top level.
    """
    try:
        values = OmegaConf.load(file)
    except FileNotFoundError:
        raise InputError(f"config file {file} does not exist") from None
    except Exception as error:  # whatever the YAML reader makes of a malformed file
        raise InputError(f"config file {file} cannot be read: {yaml_reason(error)}") from None
    if not OmegaConf.is_dict(values):
        raise InputError(f"config file {file} must hold keys and values at its top level, such as `seed: 1`")
    found: dict[Any, Any] = OmegaConf.to_container(values, resolve=False)  # type: ignore[assignment]
    for section in getattr(schema, "beside_the_file", ()):
        if isinstance(paths := found.get(section), dict):
            folder = Path(file).parent
            found[section] = {k: str(folder / path) if isinstance(path, str) else path for k, path in paths.items()}
    return found


def merge(schema: type[Any], config: Any, values: Mapping[Any, Any], where: str) -> Any:
    """Return a configuration with further values.

    Args:
        schema: a dataclass with a default for every key.
        config: the configuration so far, which is changed.
        values: a mapping of keys, those of sections nested.
        where: the words for the place of the values in sentences.

    Raises:
        InputError: an unknown key or a value of the wrong type.
    """
    known = keys(schema)
    by_path = {key.path: key for key in known}
    for path, key in _given(by_path, values):
        if key is None:
            raise unknown_key(known, path, where)
        replaced = key.from_text is not None or Any in key.kinds
        if key.is_open and replaced and isinstance(_at(values, path.split(".")), str):  # the whole mapping
            OmegaConf.update(config, path, {} if key.from_text is not None else None, merge=False)
    for name, value in shaped(schema, values).items():
        try:
            config = OmegaConf.unsafe_merge(config, {name: value})  # without a copy: after an error nothing reads it
        except (OmegaConfBaseException, TypeError) as error:
            inner = by_path.get(getattr(error, "full_key", None) or name)
            key = by_path[name] if inner is None else inner
            wanted = "a mapping" if key.section else describe_type(key.hint)
            found = _at(values, key.path.split("."))
            raise InputError(f"{where}: key {key.path!r} must be {wanted}, got {_shown(found)}") from None
    return config


def _given(by_path: Mapping[str, Key], values: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, Key | None]]:
    """Return the path of every value of the schema's sections, with its key; None where there is none."""
    found: list[tuple[str, Key | None]] = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        key = by_path.get(path)
        found.append((path, key))
        if key is not None and key.section and isinstance(value, Mapping):
            found += _given(by_path, value, f"{path}.")
    return found


def _at(values: Any, path: Sequence[str]) -> Any:
    for part in path:
        values = values[part]
    return values


def _shown(value: Any) -> str:
    """The value as YAML spells it: null and true, not None and True."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(dict(value) if isinstance(value, Mapping) else value)
