"""The schema of ``tts train grace``; YAML in ``configs/`` and ``key=value`` overrides fill it."""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.tasks import TaskConfig
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.training.grace.recipe import Recipe


@dataclass
class GraceConfig:
    """What ``tts train grace`` makes.

    Attributes:
        task: the problems whose responses are learned from, and how they are asked.
        engine: the base model, and how the responses are drawn.
        n: responses a problem, where they are drawn, >= 1.
        pool: graded responses of the base model; null draws them into the directory ``out``.
        run: which run of that pool, where it holds several.
        recipe: how to train.
        out: the directory to write.
    """

    task: TaskConfig = field(default_factory=lambda: TaskConfig(split="train", n=2000))
    engine: EngineConfig = field(default_factory=EngineConfig)
    n: int = 8
    pool: str | None = None
    run: int | None = None
    recipe: Recipe = field(default_factory=Recipe)
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing can be trained from, before any work is done."""
        if self.n < 1:
            raise InputError(f"n must be at least 1, got {self.n}")
        if self.engine.kind != "transformers":
            raise InputError(
                f"engine.kind must be transformers, whose weights can be trained, got {self.engine.kind!r}"
            )
        if self.out is None or not self.out.strip():
            raise InputError("out names no directory: give out=DIR, where checkpoints and the model are written")
