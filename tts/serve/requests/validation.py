"""Errors of requests whose fields have another shape, as one sentence that names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tts.serve.errors import REQUEST, Failure

TEXTS = ("messages", "question", "answer", "answers", "pairs", "input", "questions", "text", "user")
"""Fields whose values are not repeated in errors."""
UNION_TYPES = ("str", "int", "float", "bool", "dict", "list")


def failure_of_validation(errors: Sequence[Mapping[str, Any]]) -> Failure:
    """Return the error of the first field that is at fault."""
    first = errors[0]
    where = [part for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "")
        message = f"the body is no JSON that can be read{f' ({reason})' if reason else ''}"
        return Failure(400, REQUEST, "invalid_json", message)
    if not where:
        return Failure(400, REQUEST, "invalid_value", "the body must be a JSON object with the fields of this path")
    param = field_name(where)
    reason = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing":
        return Failure(400, REQUEST, "missing_field", f"{param} is missing: it is required", param)
    message = f"{param}: {reason[:1].lower()}{reason[1:]}, got {_shown(where, first.get('input'))}"
    return Failure(400, REQUEST, "invalid_value", message, param)


def field_name(where: Sequence[object]) -> str:
    """Return the name of a field, such as messages[0].content, without the types among which its value may choose."""
    name = ""
    for part in where:
        if isinstance(part, str) and part.partition("[")[0] in UNION_TYPES:
            continue
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name


def _shown(where: Sequence[object], value: object) -> str:
    """Return a value as a sentence may show it: never a text of the user's."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"{value!r:.40}"
    if isinstance(value, str) and where[0] not in TEXTS:
        return f"{value!r:.40}"
    words: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}
    return words.get(type(value), "another type")
