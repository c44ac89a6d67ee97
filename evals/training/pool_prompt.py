"""The prompt behind which the responses of a pool stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.tasks import Task
from tts.errors import InputError
from tts.pool import Pool, PoolStore
from tts.prompts import Prompt, recorded_prompt


def prompt_of(pools: Sequence[Pool], task: Task) -> tuple[str, Prompt]:
    """Return the prompt of responses, as a text and whole: the one that their pools record, or else the task's.

    Args:
        pools: the pools of the responses; none where they are drawn.
        task: its prompt is taken where a pool records none.

    Raises:
        InputError: the pools record different prompts.
    """
    recorded = {template: name for pool in pools for name, template in _recorded(pool)}
    if len(recorded) > 1:
        first, second = list(recorded.values())[:2]
        raise InputError(f"{first} and {second} were drawn with different prompts: draw one of them with the other's")
    for template in recorded:
        return template, recorded_prompt(template)
    return task.template, task.prompt


def _recorded(pool: Pool) -> Iterator[tuple[str, str]]:
    """Yield the name of each run of a pool, and its prompt, where that shows the place of the question."""
    if not pool.runs:
        return
    with PoolStore.read(pool.path) as store:
        for run in store.runs():
            if run.id in pool.runs and "{question}" in run.key.prompt_template:
                several = f", run {run.id}" if len(pool.runs) > 1 else ""
                yield f"{pool.path}{several}", run.key.prompt_template
