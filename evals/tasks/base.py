"""A task: problems with gold answers, a prompt, a reader of answers and a grading rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tts.answers import Grader
from tts.prompts import CHAT, Prompt
from tts.runtime.options import Extract
from tts.types import End, Problem, Sample

NUMBER = Grader("number")
"""The grading rule of tasks whose answer is a number."""
ENOUGH = 0.5
"""The reward from which on an answer counts as right."""


@dataclass(frozen=True, slots=True)
class Task:
    """Problems with gold answers, and how they are asked, read and graded.

    Attributes:
        name: the name of the task.
        problems: at least one, with distinct ids; all of them have a gold answer, or none has.
        prompt: turns a problem into the text that the model reads.
        extract: reads the canonical answer from a text, or None.
        reading: the name of ``extract``, which pools record.
        grader: the rule by which an answer is right.
        solutions: worked solutions by problem id, as a model should write them after the prompt; empty where the task
            has none. They are for training only: neither draws nor scores read them.
        notes: sentences about the questions that a user should know, such as lines that were skipped.
        metric: the name of ``reward`` in tables; empty where the accuracy alone is shown.
        reward: returns how right an answer is, in [0, 1], 0 for None. An answer with at least ``ENOUGH`` is right, if
            the grading rule has no metric of its own. None where the grading rule alone decides.
        read_truncated: whether a sample that reached the limit of tokens gives an answer.
    """

    name: str
    problems: tuple[Problem, ...]
    prompt: Prompt
    extract: Extract
    reading: str = "strict"
    grader: Grader = NUMBER
    solutions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    metric: str = ""
    reward: Callable[[Problem, str | None], float] | None = None
    read_truncated: bool = False

    @property
    def graded(self) -> bool:
        """True if right answers are known, so that there is an accuracy."""
        return not self.problems or any(problem.gold is not None for problem in self.problems)

    def grade(self, problem: Problem, sample: Sample) -> bool | None:
        """Return whether the sample's answer is a gold answer, False without an answer; None without a gold answer."""
        if problem.gold is None:
            return None
        if self.reward is not None and self.grader.near is None:
            return self.reward(problem, sample.answer) >= ENOUGH
        return bool(self.grader.on(problem).grade(sample.answer, problem.golds))

    def prefixed(self, prefix: str) -> Task:
        """Return the same task with ids that begin with a prefix."""
        own = {prefix + problem.id: problem for problem in self.problems}
        reward = self.reward
        return replace(
            self,
            problems=tuple(replace(problem, id=name) for name, problem in own.items()),
            extract=lambda problem, text: self.extract(own.get(problem.id, problem), text),
            solutions={prefix + name: text for name, text in self.solutions.items()},
            reward=None if reward is None else lambda problem, answer: reward(own.get(problem.id, problem), answer),
        )

    def read(self, problem: Problem, sample: Sample) -> tuple[str | None, bool | None]:
        """Return the answer of a drawn sample and its grade, as a live run reads and grades it."""
        whole = sample.end is End.STOP or (sample.end is End.LENGTH and self.read_truncated)
        answer = self.extract(problem, sample.text) if whole else None
        return answer, self.grade(problem, replace(sample, answer=answer))

    @property
    def template(self) -> str:
        """The whole prompt around the question, worked examples included, as one text that identifies it."""
        blank = Problem("", "{question}")
        if not self.prompt.chat:
            return self.prompt.text(blank)
        return CHAT + json.dumps([dict(m) for m in self.prompt.messages(blank)], ensure_ascii=False)
