"""A task: problems with gold answers, how to ask them, how to read an answer, and which answer is right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tts.answers import canonical_number
from tts.prompts import Prompt
from tts.runtime.session import Extract
from tts.types import Problem, Sample

Grade = Callable[[Problem, Sample], bool]


def grade_number(problem: Problem, sample: Sample) -> bool:
    """Whether the answer and the gold answer are the same number, however they are spelled."""
    if sample.answer is None or problem.gold is None:
        return False
    gold = canonical_number(problem.gold)
    return gold is not None and canonical_number(sample.answer) == gold


@dataclass(frozen=True, slots=True)
class Task:
    """What to solve.

    Attributes:
        name: of the task.
        problems: at least one, with distinct ids, each with a gold answer.
        prompt: from a problem to what the model reads.
        extract: reads the canonical answer from a text, or None.
        reading: the name of ``extract``, which goes into the pool.
        grade: whether a sample is right.
        solutions: worked solutions by problem id, as a model should write them after the prompt; empty where the task
            has none. Nothing that draws or scores reads them.
    """

    name: str
    problems: tuple[Problem, ...]
    prompt: Prompt
    extract: Extract
    reading: str = "strict"
    grade: Grade = grade_number
    solutions: Mapping[str, str] = field(default_factory=dict)

    @property
    def template(self) -> str:
        """The whole prompt around the question, worked examples included, as text that stands for it."""
        blank = Problem("", "{question}")
        if not self.prompt.chat:
            return self.prompt.text(blank)
        return "chat: " + json.dumps([dict(m) for m in self.prompt.messages(blank)], ensure_ascii=False)
