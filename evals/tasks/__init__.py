"""Tasks: problems with gold answers, a prompt, a reader of answers and a grading rule.

task = load_task(TaskConfig(name="stories", split="test", questions=100))
"""

from __future__ import annotations

from dataclasses import replace

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from evals.tasks.data_sets import DATA_SETS
from tts.models.resolve import BUNDLED
from tts.prompts import BUNDLED_TEMPLATE
from tts.registry import TASKS

__all__ = ["Task", "TaskConfig", "load_task"]


def load_task(config: TaskConfig, *, model: str | None = None) -> Task:
    """Return the task that a configuration names.

    Args:
        config: the questions and the prompt.
        model: the model that is asked; a bundled one is asked in the form that it was trained on, the question alone,
            without a system text, where the configuration names no other.

    Raises:
        InputError: a file that cannot be read, a wrong split or field, or another package's task that is none.
    """
    if model in BUNDLED and config.name in DATA_SETS:
        template = BUNDLED_TEMPLATE if config.template is None else config.template
        config = replace(config, template=template, system=config.system or "")
    task: Task = TASKS.get(config.name)(config)
    TASKS.check_built(config.name, task)
    return task
