"""The prompt behind which the responses of a pool stand."""

from __future__ import annotations

from collections.abc import Sequence

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
    recorded = {pool.path: template for pool in pools if (template := _recorded(pool)) is not None}
    if len(set(recorded.values())) > 1:
        first, second = list(recorded)[:2]
        raise InputError(f"{first} and {second} were drawn with different prompts: draw one of them with the other's")
    for template in recorded.values():
        return template, recorded_prompt(template)
    return task.template, task.prompt


def _recorded(pool: Pool) -> str | None:
    """Return the prompt that a pool's run records; None where it shows no place for the question."""
    if not pool.runs:
        return None
    with PoolStore.read(pool.path) as store:
        template = next(run.key.prompt_template for run in store.runs() if run.id == pool.runs[0])
    return template if "{question}" in template else None
