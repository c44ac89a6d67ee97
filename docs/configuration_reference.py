"""The configuration reference, generated from the data classes that check configurations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from types import UnionType
from typing import Any, get_args, get_type_hints

from evals.config import CompareConfig, RunConfig, SampleConfig
from evals.tasks import TaskConfig
from evals.training_config import FineceConfig, GraceConfig, TinyConfig
from tts.api.solver import SolveConfig
from tts.engines.config import EngineConfig

COMMANDS: dict[str, type] = {
    "tts ask": SolveConfig,
    "tts sample": SampleConfig,
    "tts run": RunConfig,
    "tts compare": CompareConfig,
    "tts train grace": GraceConfig,
    "tts train finece": FineceConfig,
    "tts train tiny": TinyConfig,
}
SHARED: dict[type, str] = {TaskConfig: "task", EngineConfig: "engine"}
"""Schemas that several commands have; each has a section of its own."""

INTRODUCTION = """# Configuration reference

The keys of each command, generated from the schemas that check them. YAML files, such as those in `configs/`, and
`KEY=VALUE` arguments fill them; a dot separates levels (`engine.temperature=0.7`). Later ones replace earlier ones.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION]
    parts += [_section(f"`{command}`", schema, "") for command, schema in COMMANDS.items()]
    parts += [_section(f"`{key}`", schema, f"{key}.") for schema, key in SHARED.items()]
    return "\n".join(parts)


def keys(schema: type, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield the key, type, default and meaning of each field, nested data classes expanded.

    Args:
        schema: the data class.
        prefix: the levels above it, such as ``engine.``.
    """
    meanings = attributes(schema)
    types = get_type_hints(schema)
    for field in fields(schema):
        key, nested = prefix + field.name, _nested(types[field.name])
        if nested is None:
            yield key, _type(str(field.type)), _default(field), meanings.get(field.name, "")
        elif nested in SHARED:
            yield f"{key}.*", "keys", "", f"{meanings[field.name]} See [below](#{SHARED[nested]})."
        else:
            yield from keys(nested, f"{key}.")


def attributes(schema: type) -> dict[str, str]:
    """Return the meaning of each attribute, read from the docstrings of a class and its bases.

    Args:
        schema: a class with an ``Attributes:`` section.
    """
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        _, _, section = text.partition("Attributes:\n")
        for match in re.finditer(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section.partition("\n\n")[0], re.MULTILINE):
            found[match[1]] = _plain(" ".join(match[2].split()))
    return found


def _section(title: str, schema: type, prefix: str) -> str:
    rows = [f"| `{key}` | {kind} | {default} | {meaning} |" for key, kind, default, meaning in keys(schema, prefix)]
    return "\n".join([f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _nested(annotation: Any) -> type | None:
    candidates = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    for candidate in candidates:
        if isinstance(candidate, type) and is_dataclass(candidate):
            return candidate
    return None


def _type(annotation: str) -> str:
    words = {"str": "text", "bool": "true or false", "float": "number", "int": "integer", "Any": "any", "None": "null"}
    names = [part.strip() for part in annotation.split("|")]
    known = [words.get(name, "list" if name.startswith(("list", "tuple")) else "mapping") for name in names]
    return " or ".join(dict.fromkeys(known)) if "[" in annotation or all(name in words for name in names) else "text"


def _default(field: Field[Any]) -> str:
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    value = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"`{value}`" if value != "" else "empty"


def _plain(text: str) -> str:
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`").replace("|", "\\|")
