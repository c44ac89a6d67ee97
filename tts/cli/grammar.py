"""The one grammar of all commands: ``--key value``, ``--key=value`` and ``key=value`` mean the same.

A :class:`Command` turns each argument into the form that it is declared in, an option or a key of the configuration,
before typer reads it. :func:`sort_arguments` tells what is left apart: YAML files, files of questions and overrides.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from json import dumps
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from tts.cli.verbosity import set_log_level, set_quiet
from tts.errors import InputError

QUESTIONS = (".jsonl", ".jsonl.gz", ".json")
"""Suffixes of files of questions."""
POOLS = (".sqlite", ".db", ".pool", ".parquet")
YAML = (".yaml", ".yml")
COMMON = (
    ("--quiet", "Print results and errors alone."),
    ("--log-level LEVEL", "Log to standard error: debug, info, warning or error."),
)
"""The options of every command."""


class Command(TyperCommand):
    """A command with examples, whose options and configuration keys are written alike.

    Attributes:
        examples: command lines that run.
        schema: "module:class" of its configuration; empty where it has none.
    """

    examples: tuple[str, ...] = ()
    schema: str = ""

    @property
    def configuration(self) -> type[Any]:
        """The schema of its configuration."""
        module, _, name = self.schema.partition(":")
        found: type[Any] = getattr(import_module(module), name)
        return found

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, each in the form that it is declared in."""
        left: list[str] = super().parse_args(ctx, self.rewritten(args))
        return left

    def rewritten(self, args: Sequence[str]) -> list[str]:
        """Return options as options, behind them the other arguments, and keys of the configuration as ``key=value``.

        Raises:
            InputError: an option without its value, or an unknown log level.
        """
        options = {text: one for one in self.params for text in one.opts if text.startswith("-")}
        found: list[str] = []
        overrides: list[str] = []
        given = list(args)
        while given:
            argument = given.pop(0)
            name, equals, value = argument.partition("=")
            if argument == "--":
                return [*found, *overrides, "--", *given]
            if argument == "--quiet":
                set_quiet(True)
            elif name == "--log-level":
                set_log_level(value if equals else _value(name, given, "info"))
            elif name in options:
                found.append(argument)
                if not equals and not _is_flag(options[name]):
                    found += given[:1]
                    del given[:1]
            elif argument.startswith("--") and (key := self._key(name[2:].replace("-", "_"))) is not None:
                spelled = name[2:].replace("-", "_")
                overrides.append(f"{spelled}={value if equals else _value(name, given, '8', key)}")
            elif is_setting(argument):
                overrides += self._setting(argument, options)
            else:
                found.append(argument)
        return [*found, *overrides]

    def _setting(self, argument: str, options: Mapping[str, Any]) -> list[str]:
        """Return ``key=value`` as an option where only an option has this name."""
        name, _, value = argument.partition("=")
        option = "--" + name.replace("_", "-")
        if option not in options or self._key(name) is not None:
            return [argument]
        if not _is_flag(options[option]):
            return [f"{option}={value}"]
        if value.lower() not in ("true", "false"):
            raise InputError(f"{name} must be true or false, got {value!r}")
        return [option] if value.lower() == "true" else []

    def _key(self, name: str) -> Any:
        """Return the key of the configuration with this name, whole or short; None where there is none."""
        if not self.schema:
            return None
        from tts.config.overrides import find_keys

        return next((key for key, _ in find_keys(self.configuration, name)), None)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the options of every command, and the examples."""
        with formatter.section("Every command"):
            formatter.write_dl(COMMON)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def is_setting(argument: str) -> bool:
    """Return True for ``key=value`` with a key of letters, digits, dots and underscores that names no file."""
    key, equals, _ = argument.partition("=")
    return bool(equals) and key.replace(".", "_").isidentifier() and not os.path.isfile(argument)


def sort_arguments(schema: type[Any], arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return YAML files and overrides; files of questions become the override ``task=FILE``.

    Args:
        schema: the configuration.
        arguments: all but the options.

    Raises:
        InputError: an argument that is none of them.
    """
    from tts.config.overrides import find_keys

    files, overrides, questions, place = [], [], list[str](), 0
    for argument in arguments:
        lower = argument.lower()
        if lower.endswith(YAML) and not is_setting(argument):
            files.append(Path(argument))
        elif argument.startswith("-"):
            raise InputError(f"unknown option {argument.partition('=')[0]}: see --help, or `tts config` for all keys")
        elif "=" in argument and not os.path.isfile(argument):
            overrides.append(argument)
        elif lower.endswith(QUESTIONS) and any(field.name == "task" for field in fields(schema)):
            questions.append(argument)
            place = len(overrides)
        elif lower.endswith(QUESTIONS):
            raise InputError(f"{argument} is one file too many: give one, YAML files and KEY=VALUE")
        elif lower.endswith(POOLS):
            raise InputError(
                f"{argument} is a pool of recorded samples: `tts compare {argument}` replays it, fit={argument} fits "
                f"on it, out={argument} continues it"
            )
        elif os.path.exists(argument):
            files.append(Path(argument))
        elif find_keys(schema, argument):
            raise InputError(f"key {argument} has no value: give {argument}=VALUE")
        else:
            raise InputError(
                f"argument {argument!r} is no KEY=VALUE, no YAML file (.yaml) and no file of questions (.jsonl)"
                f"{_meant(argument)}"
            )
    if questions:
        overrides.insert(place, f"task={questions[0] if len(questions) == 1 else dumps(questions)}")
    return files, overrides


def _meant(word: str) -> str:
    """Return the setting that a bare word most likely means, as a hint."""
    from tts.models.resolve import BUNDLED
    from tts.registry import SCORERS, STRATEGIES, TASKS

    for key, names in (("task", TASKS.names()), ("model", BUNDLED), ("scorer", SCORERS.names())):
        if word in names:
            return f"; did you mean {key}={word}?"
    if all(name in STRATEGIES.names() for name in word.split(",")):
        return f"; did you mean strategies={word}?"
    return f"; did you mean model={word}?" if "/" in word else ""


def _value(option: str, given: list[str], example: str, key: Any = None) -> str:
    """Take the value of an option from the arguments behind it; a switch needs none."""
    if key is not None and bool in key.kinds and (not given or given[0].lower() not in ("true", "false")):
        return "true"
    if not given:
        raise InputError(f"option {option} needs a value, such as {option} {example}")
    return given.pop(0)


def _is_flag(option: Any) -> bool:
    return bool(getattr(option, "is_flag", False)) or "--help" in option.opts
