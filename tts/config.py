"""Configuration: a dataclass is the schema, YAML files are values, ``key=value`` are overrides, later ones win.

OmegaConf structured configs; an unknown key, a wrong type or a missing file gets one sentence that names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tts.errors import InputError

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
        config = _merge(schema, config, _read(file), str(file))
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals or not key.strip():
            raise InputError(f"override {override!r} must read key=value, such as seed=1")
        try:
            values = OmegaConf.from_dotlist([override])
        except Exception as error:
            raise InputError(f"override {override!r} cannot be read: {_first_line(error)}") from None
        config = _merge(schema, config, values, f"override {override!r}")
    built: T = OmegaConf.to_object(config)  # type: ignore[assignment]
    return built


def _read(file: str | Path) -> Any:
    try:
        values = OmegaConf.load(file)
    except FileNotFoundError:
        raise InputError(f"config file {file} does not exist") from None
    except Exception as error:  # whatever the YAML reader makes of a malformed file
        raise InputError(f"config file {file} cannot be read: {_first_line(error)}") from None
    if not OmegaConf.is_dict(values):
        raise InputError(f"config file {file} must hold keys and values at its top level, such as `seed: 1`")
    return values


def _merge(schema: type[Any], config: Any, values: Any, where: str) -> Any:
    allowed = [f.name for f in dataclasses.fields(schema)]
    for key in values:
        if key not in allowed:
            raise InputError(f"{where}: unknown key {key!r}; allowed are {', '.join(allowed)}")
    try:
        return OmegaConf.merge(config, values)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise InputError(f"{where}: key {key!r} cannot take this value: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split("\n")[0].split())
