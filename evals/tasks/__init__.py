"""Tasks: problems with gold answers, a prompt, a reader of answers and a grading rule.

task = load_task(TaskConfig(name="stories", split="test", questions=100))
"""

from __future__ import annotations

from dataclasses import replace

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from evals.tasks.data_sets import DATA_SETS
from evals.tasks.equality import open_equality
from tts.engines.chat_template import chat_note, takes_chat
from tts.engines.config import EngineConfig
from tts.models.resolve import BUNDLED
from tts.prompts import BUNDLED_TEMPLATE
from tts.registry import TASKS

__all__ = ["Task", "TaskConfig", "load_task"]


def load_task(config: TaskConfig, *, engine: EngineConfig | None = None) -> Task:
    """Return the task that a configuration names.

    Args:
        config: the questions and the prompt.
        engine: the model that is asked. A bundled one is asked in the form that it was trained on, the question alone,
            where the configuration names no other; one with a chat template is asked in chat messages, unless
            ``task.chat`` says otherwise. None stands for a model without a template.

    Raises:
        InputError: a file that cannot be read, a wrong split or field, or another package's task that is none.
    """
    chosen = config.chat == "auto"
    chat = (engine is not None and takes_chat(engine)) if chosen else bool(config.chat)
    config = replace(config, chat=chat)
    if engine is not None and engine.model in BUNDLED and config.name in DATA_SETS:
        template = BUNDLED_TEMPLATE if config.template is None else config.template
        config = replace(config, template=template, system=config.system or "")
    task: Task = TASKS.get(config.name)(config)
    TASKS.check_built(config.name, task)
    if task.grader.equality is None:  # a task that knows no equality of its own
        equality = open_equality(config.equal, task.grader.kind, key="task.equal", required=False)
        task = replace(task, grader=replace(task.grader, equality=equality))
    note = None if engine is None else chat_note(engine, chat=chat, chosen=chosen)
    return task if note is None else replace(task, notes=(*task.notes, note))
