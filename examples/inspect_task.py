"""A task of Inspect that the solver of the bundled model answers.

inspect eval examples/inspect_task.py --solver tts/solve -S strategy=cges -S budget=16 --model none
"""

from __future__ import annotations

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match

from tts.stories.stories import take


@task
def stories(questions: int = 20) -> Task:
    """Return made-up word problems with numbers as answers."""
    return Task(
        dataset=[Sample(input=story.question, target=story.answer) for story in take("test", questions, seed=21)],
        scorer=match(numeric=True),
    )
