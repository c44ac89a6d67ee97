"""Tasks: problems with gold answers, a prompt, a reader of answers and a grading rule.

task = load_task(TaskConfig(name="stories", split="test", questions=100))
"""

from __future__ import annotations

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from tts.registry import TASKS

__all__ = ["Task", "TaskConfig", "load_task"]


def load_task(config: TaskConfig) -> Task:
    """Return the task that a configuration names.

    Raises:
        InputError: a file that cannot be read, or a wrong split or field.
    """
    task: Task = TASKS.get(config.name)(config)
    return task
