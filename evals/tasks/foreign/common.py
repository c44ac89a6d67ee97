"""Parts that the tasks of every other tool share: their import, and the options that do not apply to them."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from evals.tasks.config import TaskConfig
from tts.errors import InputError

OWN = ("path", "template", "system", "shots_path", "fields", "choices", "answers", "metric", "tolerance", "skip_bad")
"""The options that a task of another tool decides itself."""


def import_tool(module: str, config: TaskConfig, *, tool: str, package: str) -> Any:
    """Return a module of another tool.

    Args:
        module: its name.
        config: of the task, for sentences.
        tool: the tool's name.
        package: the package that holds it.

    Raises:
        InputError: the tool is not installed, or its import fails.
    """
    logging.getLogger(module.partition(".")[0]).setLevel(logging.ERROR)
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(f"task {config.name} needs {tool} ({error.name} is missing): pip install {package}") from None
    except Exception as error:  # another package may raise anything when it is imported
        raise InputError(f"task {config.name}: {tool} cannot be imported ({one_line(error)})") from None


def refuse_options(config: TaskConfig, *further: str) -> None:
    """Refuse options that do not apply to a task of another tool.

    Args:
        config: of the task.
        further: names of options beside those of ``OWN``.

    Raises:
        InputError: naming the first of them.
    """
    usual = TaskConfig()
    for key in (*OWN, *further):
        if getattr(config, key) != getattr(usual, key):
            raise InputError(f"task {config.name} has its own prompt and grading and takes no task.{key}: leave it out")


def one_line(error: BaseException) -> str:
    """Return the first 200 characters of an error on one line, or its type where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__
