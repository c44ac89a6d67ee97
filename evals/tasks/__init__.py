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
        InputError: a file that cannot be read, a wrong split or field, or another package's task that is none.
    """
    task: Task = TASKS.get(config.name)(config)
    TASKS.check_built(config.name, task)
    return task
