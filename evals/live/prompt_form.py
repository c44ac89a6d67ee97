"""The form of prompts where ``task.chat=auto`` leaves it open and the server takes only the other one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from evals.config import RunConfig, SampleConfig
from evals.live.hooks import Hooks
from tts.errors import PromptFormError

C = TypeVar("C", bound=RunConfig | SampleConfig)
T = TypeVar("T")


def in_taken_form(config: C, hooks: Hooks, work: Callable[[C], T]) -> T:
    """Return what work on a configuration returns, with the form of prompts that the server takes.

    Args:
        config: the configuration.
        hooks: receives a sentence about the other form.
        work: opens the engine before it draws.

    Raises:
        PromptFormError: ``task.chat`` sets a form that the server does not take.
    """
    try:
        return work(config)
    except PromptFormError as error:
        if config.task.chat != "auto":
            raise
        hooks.notify(error.sentence)
        return work(replace(config, task=replace(config.task, chat=error.chat)))
