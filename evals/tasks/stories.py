"""Stories: word problems generated from a seed, in splits that share no question; see :mod:`tts.stories.stories`."""

from __future__ import annotations

from typing import get_args

from evals.tasks.base import Task
from evals.tasks.config import TaskConfig
from evals.tasks.reading import extractor
from tts.errors import InputError, unknown_name
from tts.prompts import BUNDLED_TEMPLATE, Prompt
from tts.stories.stories import take
from tts.stories.story import Split
from tts.types import Problem

COUNT = 50
"""The number of problems by default."""


def stories(config: TaskConfig) -> Task:
    """Return the stories of a split, with ids such as "story-test-17" ("story-test-s3-17" with seed 3).

    Raises:
        InputError: an unknown split, or a path, which stories do not take.
    """
    if config.split not in get_args(Split):
        raise unknown_name("task.split", config.split, get_args(Split))
    for key in ("path", "shots_path"):
        if getattr(config, key) is not None:
            raise InputError(
                f"task stories generates its problems and takes no task.{key}: leave it out, or set task.name=jsonl"
            )
    split: Split = next(s for s in get_args(Split) if s == config.split)
    seeded = f"s{config.seed}-" if config.seed else ""
    prompt = Prompt(
        template=BUNDLED_TEMPLATE if config.template is None else config.template,
        shots=tuple((s.question, s.solution) for s in take("train", config.shots, config.seed + 1)),
        system=config.system or "",
        chat=config.chat is True,
    )
    drawn = take(split, config.questions or COUNT, config.seed)
    named = {f"story-{split}-{seeded}{i}": story for i, story in enumerate(drawn)}
    problems = tuple(Problem(name, story.question, story.answer, "stories") for name, story in named.items())
    reading = config.extract or "strict"
    solutions = {name: story.solution for name, story in named.items()}
    return Task("stories", problems, prompt, extractor(reading, prompt), reading, solutions=solutions)
