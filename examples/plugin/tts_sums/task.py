"""The task "sums": additions of two numbers."""

from __future__ import annotations

import random

from evals.tasks import Task, TaskConfig
from evals.tasks.reading import extractor
from tts import Problem
from tts.prompts import Prompt


def sums(config: TaskConfig) -> Task:
    """Return ``task.questions`` additions, which ``task.seed`` and ``task.split`` choose."""
    rng = random.Random(f"{config.seed} {config.split}")
    pairs = [(rng.randrange(100, 1000), rng.randrange(100, 1000)) for _ in range(config.questions or 100)]
    problems = [
        Problem(f"sum-{config.split}-{config.seed}-{i}", f"What is {a} + {b}?", str(a + b), "sums")
        for i, (a, b) in enumerate(pairs)
    ]
    prompt = Prompt(template=config.template or "{question}\n")
    return Task("sums", tuple(problems), prompt, extractor("strict", prompt))
