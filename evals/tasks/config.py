"""Tasks from a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from tts.errors import InputError, unknown_name
from tts.registry import TASKS

READINGS = ("strict", "flexible")


@dataclass
class TaskConfig:
    """What to solve, and how to ask it.

    Attributes:
        name: "stories" (made up, for the model that comes with the package), "gsm8k", or "jsonl" (a file of your own).
        path: a JSON Lines file (.jsonl or .jsonl.gz), {"question", "answer"} a line; without it gsm8k reads the hub.
        split: stories: train, calibration or test; gsm8k on the hub: train or test; of a file, only a part of the ids.
        n: how many problems; null takes all of a file. More problems include those of fewer.
        seed: decides which problems, and which worked examples.
        template: text around {question}; null takes the task's own.
        system: the system message of a chat, or text before everything else; null takes the task's own.
        chat: whether to ask in chat messages, which need a model with a chat template.
        shots: worked examples before each question.
        shots_path: a file to take them from; without it gsm8k takes the hub's training split.
        extract: "strict" reads the number after ####, "flexible" else the last number; null takes the task's own.
    """

    name: str = "stories"
    path: str | None = None
    split: str = "test"
    n: int | None = None
    seed: int = 0
    template: str | None = None
    system: str | None = None
    chat: bool = False
    shots: int = 0
    shots_path: str | None = None
    extract: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no task could be."""
        TASKS.check(self.name)
        if self.extract is not None and self.extract not in READINGS:
            raise unknown_name("task.extract", self.extract, READINGS)
        if self.n is not None and self.n < 1:
            raise InputError(f"task.n must be at least 1, got {self.n}")
        for key in ("seed", "shots"):
            if getattr(self, key) < 0:
                raise InputError(f"task.{key} must be at least 0, got {getattr(self, key)}")
        if not self.split.strip():
            raise InputError("task.split must be a name, got nothing")
