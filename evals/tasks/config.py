"""Tasks from a configuration."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.tasks.equality import check_equality, equality_named
from evals.tasks.graders import METRICS
from evals.tasks.rows import FIELDS
from tts.answers.reading import KINDS
from tts.config.keys import FROM_TEXT
from tts.errors import InputError, unknown_name
from tts.registry import TASKS

FILES = (".jsonl", ".jsonl.gz", ".json")
"""Suffixes of files of questions."""
READINGS = ("strict", "flexible")
ANSWERS = ("auto", *KINDS)


@dataclass
class TaskConfig:
    """The problems to solve, and the prompt.

    Attributes:
        name: "stories" (generated, for the bundled model), "jsonl" (a file of yours), or a data set: gsm8k, svamp,
            math500, aime24, aime25, mmlu_pro, gpqa, arc_challenge, commonsense_qa, mathqa, sciq, triviaqa, nq_open;
            "lm_eval:NAME" or "lm_eval:FILE.yaml" of lm-evaluation-harness, "inspect:FILE@TASK" of Inspect.
        path: a JSON Lines file (.jsonl or .jsonl.gz) or a JSON list (.json); null reads a data set from the hub.
        split: stories: train, calibration or test; a data set on the hub: one of its splits, where "test" is the scored
            one; for a file, only a part of the ids.
        fields: the fields of a row by part, {question, answer, id, choices}: a name, a path such as answer.value, or a
            list of names that are read together; null for a part that is not there.
        choices: the field with the options of a multiple-choice question, or a list with one field an option.
        answers: the kind of answers: number, choice, math, text; auto takes the data set's or that of the golds.
        questions: the number of problems, >= 1; null takes all of a file, or 50 stories. More include those of fewer.
        seed: chooses the problems and the worked examples, >= 0.
        template: the text around {question}; null takes the task's own.
        system: the system message of a chat, or text before everything else; null takes the task's own.
        chat: whether to ask in chat messages, which need a model with a chat template; auto does so where it has one.
        shots: the number of worked examples before each question, >= 0.
        shots_path: the file of worked examples; null takes the hub's training split for gsm8k.
        extract: "strict" reads marked answers alone (of numbers, that after ####), "flexible" any mark and
            else the last number or line; null takes the task's own.
        equal: the equality of votes and grades: exact (the canonical text), math (math-verify), entailment (with
            equal.model), judge (with equal.engine, a second model; also rubric, attempts, chat); auto takes math for
            mathematical answers, exact for others.
        metric: of open answers: exact; contains, a gold answer stands in the answer; f1, the mean F1 of the words
            that they share, beside the accuracy, for which an F1 of at least 0.5 is right.
        tolerance: of numbers, the largest difference that is right, >= 0.
        skip_bad: go on without lines that cannot be read, and count them.
        include_path: of lm_eval tasks, a folder of further tasks.
    """

    name: str = "stories"
    path: str | None = None
    split: str = "test"
    questions: int | None = None
    seed: int = 0
    template: str | None = None
    system: str | None = None
    chat: bool | str = "auto"
    shots: int = 0
    shots_path: str | None = None
    extract: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    choices: Any = None
    answers: str = "auto"
    equal: dict[str, Any] = field(default_factory=lambda: equality_named("auto"), metadata={FROM_TEXT: equality_named})
    metric: str = "exact"
    tolerance: float = 0.0
    skip_bad: bool = False
    include_path: str | None = None

    @staticmethod
    def from_text(text: str) -> Mapping[str, object]:
        """Return the keys that a text in place of the task means: a file of questions, or a name."""
        if text.lower().endswith(FILES) or Path(text).is_file():
            return {"name": "jsonl", "path": text}
        return {"name": text, "path": None}

    def __post_init__(self) -> None:
        """Refuse unknown names and numbers out of range."""
        TASKS.check(self.name)
        if self.extract is not None and self.extract not in READINGS:
            raise unknown_name("task.extract", self.extract, READINGS)
        if self.questions is not None and self.questions < 1:
            raise InputError(f"task.questions must be at least 1, got {self.questions}")
        for key in ("seed", "shots"):
            if getattr(self, key) < 0:
                raise InputError(f"task.{key} must be at least 0, got {getattr(self, key)}")
        for key, given, known in (("answers", self.answers, ANSWERS), ("metric", self.metric, METRICS)):
            if given not in known:
                raise unknown_name(f"task.{key}", given, known)
        check_equality(self.equal, key="task.equal", kind=None if self.answers == "auto" else self.answers)
        if not 0.0 <= self.tolerance < float("inf"):
            raise InputError(f"task.tolerance must be a number of at least 0, got {self.tolerance}")
        self.chat = {"true": True, "false": False}.get(str(self.chat).lower(), self.chat)
        if not isinstance(self.chat, bool) and self.chat != "auto":
            raise InputError(f"task.chat must be auto, true or false, got {self.chat!r}")
        self._check_fields()
        if not self.split.strip():
            raise InputError("task.split must be a name, got nothing")
        if self.include_path is not None and not self.name.startswith("lm_eval:"):
            raise InputError(f"task.include_path adds tasks of lm_eval, and task.name is {self.name}: leave it out")

    def _check_fields(self) -> None:
        named = {**{f"fields.{part}": name for part, name in self.fields.items()}, "choices": self.choices}
        for part in self.fields:
            if part not in FIELDS:
                raise unknown_name("part in task.fields", part, FIELDS)
        for key, name in named.items():
            texts = name if isinstance(name, list) else [name]
            if name is not None and not (texts and all(isinstance(one, str) and one for one in texts)):
                raise InputError(f"task.{key} must be the name of a field or a list of names, got {name!r}")
        if self.choices is not None and self.fields.get("choices") is not None:
            raise InputError("task.choices and task.fields.choices name the same field: give one of them")


def chosen(count: int, config: TaskConfig) -> Sequence[int]:
    """Return the numbers of the questions to ask, in their order, such that more questions include fewer.

    Args:
        count: the number of questions that there are.
        config: how many are asked for, and the seed that chooses them.
    """
    everything = range(count)
    if config.questions is None or config.questions >= count:
        return everything
    order = list(everything)
    random.Random(f"{config.seed} problems").shuffle(order)
    return sorted(order[: config.questions])
