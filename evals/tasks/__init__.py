"""Tasks: problems with gold answers, loaded, asked, read and graded.

task = load_task(TaskConfig(name="stories", split="test", n=100))
"""

from __future__ import annotations

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from tts.registry import TASKS

__all__ = ["Task", "TaskConfig", "load_task"]


def load_task(config: TaskConfig) -> Task:
    """The task that a configuration names.

    Raises:
        InputError: a file, split or field that is not what it must be.
    """
    task: Task = TASKS.get(config.name)(config)
    return task
