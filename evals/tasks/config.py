"""Tasks from a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tts.errors import InputError, unknown_name
from tts.registry import TASKS

FILES = (".jsonl", ".jsonl.gz", ".json")
"""Suffixes of files of questions."""
READINGS = ("strict", "flexible")


@dataclass
class TaskConfig:
    """The problems to solve, and the prompt.

    Attributes:
        name: "stories" (generated, for the bundled model), "gsm8k", or "jsonl" (a file of yours).
        path: a JSON Lines file (.jsonl or .jsonl.gz), {"question", "answer"} a line; null reads gsm8k from the hub.
        split: stories: train, calibration or test; gsm8k on the hub: train or test; for a file, only a part of the ids.
        questions: the number of problems, >= 1; null takes all of a file, or 50 stories. More include those of fewer.
        seed: chooses the problems and the worked examples, >= 0.
        template: the text around {question}; null takes the task's own.
        system: the system message of a chat, or text before everything else; null takes the task's own.
        chat: ask in chat messages, which need a model with a chat template.
        shots: the number of worked examples before each question, >= 0.
        shots_path: the file of worked examples; null takes the hub's training split for gsm8k.
        extract: "strict" reads the number after ####, "flexible" else the last number; null takes the task's own.
    """

    name: str = "stories"
    path: str | None = None
    split: str = "test"
    questions: int | None = None
    seed: int = 0
    template: str | None = None
    system: str | None = None
    chat: bool = False
    shots: int = 0
    shots_path: str | None = None
    extract: str | None = None

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
        if not self.split.strip():
            raise InputError("task.split must be a name, got nothing")
