"""A key that a message names as key=value is whole, with its section, so that a command takes it as it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import tts.cli  # noqa: F401 - importing it registers the commands
from tts.cli.app import app
from tts.cli.config import configured_commands
from tts.config.overrides import find_keys

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"(?<![\w.=])([a-z_]+(?:\.[a-z_]+)*)=(?=[\w\[]|$)")
"""The name before an equals sign; the value may be filled in."""
NO_KEYS = {
    "key": "the form of a key itself",
    "alpha": "a part of promise=",
    "delta": "a part of promise=",
    "name": "an entry of a file of API keys",
    "models": "an entry of a file of API keys",
    "max_questions": "an argument of Python's",
    "max_waiting": "an argument of Python's",
}
COMMAND = typer.main.get_command(app)


def options(command: Any) -> set[str]:
    """The long options of a command and of those below it."""
    found = {name.removeprefix("--").replace("-", "_") for one in command.params for name in one.opts}
    return found.union(*(options(below) for below in getattr(command, "commands", {}).values()))


def refusals() -> Iterator[tuple[str, str]]:
    """Each key that a raised message of the packages names, with its place."""
    for package in ("tts", "strategies", "evals"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise):
                    for part in ast.walk(node):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            for name in NAMED.findall(part.value):
                                yield f"{path.relative_to(ROOT)}:{part.lineno}", name


def test_messages_name_whole_keys() -> None:
    schemas = configured_commands(COMMAND).values()

    def whole(name: str) -> bool:
        return any(".".join([key.path, *rest]) == name for schema in schemas for key, rest in find_keys(schema, name))

    named, known = list(refusals()), options(COMMAND) | NO_KEYS.keys()
    assert len(named) > 20
    wrong = [f"{place}: {name}" for place, name in named if name not in known and not whole(name)]
    assert not wrong, "\n".join(wrong)
