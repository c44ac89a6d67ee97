"""Tools that a model may call, and the check of arguments by their JSON schemas; nothing is fetched from anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tts.errors import InputError, UnsupportedError, first_line

_FORM = '{"type": "function", "function": {"name": NAME, "parameters": SCHEMA}}'


class ToolSchemas:
    """The tools of one problem, by name."""

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Take the tools.

        Args:
            tools: each in the terms of OpenAI's interface.

        Raises:
            InputError: no such tool, a name twice, or parameters that are no JSON schema.
            UnsupportedError: the package jsonschema is not installed.
        """
        self._checks: dict[str, Any] = {}
        for at, tool in enumerate(tools):
            function = tool.get("function") if isinstance(tool, Mapping) else None
            name = function.get("name") if isinstance(function, Mapping) else None
            if not isinstance(function, Mapping) or not isinstance(name, str) or not name:
                raise InputError(f"tools[{at}] must be {_FORM}, got {_shown(tool)}")
            if name in self._checks:
                raise InputError(f"tools[{at}] has the name {name!r}, which an earlier tool has: rename one of them")
            self._checks[name] = _validator(function.get("parameters"), f"tools[{at}].function.parameters")

    def takes(self, name: str, arguments: str) -> bool:
        """Return whether there is a tool of this name, and the arguments keep its schema.

        Args:
            name: of the tool.
            arguments: the text of a JSON object.

        Raises:
            InputError: the schema refers to something that it does not hold, or takes too long to check.
        """
        check = self._checks.get(name)
        if check is None:
            return False
        from referencing.exceptions import Unresolvable

        from tts.answers.tools.bounded import MAX_STEPS, TooLongError, is_valid

        try:
            return is_valid(check, json.loads(arguments))
        except TooLongError:
            raise InputError(
                f"the parameters of tool {name!r} take more than {MAX_STEPS} steps to check: write a simpler schema"
            ) from None
        except Unresolvable as error:
            raise InputError(
                f"the parameters of tool {name!r} refer to {error.ref!r}, which they do not hold: write it out under "
                "$defs"
            ) from None
        except (ValueError, ArithmeticError, RecursionError):  # a number beyond floating point, a circle of references
            return False


def _validator(schema: Any, where: str) -> Any:
    """Return the check of a schema; any object is right without one."""
    try:
        from referencing import Registry

        from tts.answers.tools.bounded import bounded
    except ImportError:
        raise UnsupportedError(
            "calls of tools are checked by the package jsonschema, which is not installed: pip install "
            "'tts-rerank[openai]'"
        ) from None
    schema = {} if schema is None else schema
    if not isinstance(schema, Mapping):
        raise InputError(f"{where} must be a JSON schema, got {_shown(schema)}")
    try:
        kind = bounded(schema)
        kind.check_schema(schema)
    except InputError as error:
        raise InputError(f"{where} {error}") from None
    except Exception as error:  # a schema of a request may break the check in any way
        raise InputError(f"{where} must be a JSON schema: {first_line(error)}") from None
    return kind(schema, registry=Registry())


def _shown(value: Any) -> str:
    return repr(value)[:80]
