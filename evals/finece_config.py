"""The schema of ``tts train finece``; YAML in ``configs/`` and ``key=value`` overrides fill it."""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.tasks import TaskConfig
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.training.finece.recipe import Recipe
from tts.training.finece.tree import TreeConfig


@dataclass
class FineceConfig:
    """What ``tts train finece`` makes.

    Attributes:
        task: the problems whose prefixes are learned from, and how they are asked.
        engine: the base model, and how completions are drawn.
        tree: how prefixes are found and labelled, where they are drawn.
        pool: completions of prefixes that the base model drew, labelled by this command before; null draws them into
            the directory ``out``.
        run: which run of that pool, where it holds several.
        answers: a pool of further graded responses of the base model, without prefixes, to learn from; null: none.
        recipe: how to train.
        out: the directory to write.
    """

    task: TaskConfig = field(default_factory=lambda: TaskConfig(split="train", n=1000))
    engine: EngineConfig = field(default_factory=EngineConfig)
    tree: TreeConfig = field(default_factory=TreeConfig)
    pool: str | None = None
    run: int | None = None
    answers: str | None = None
    recipe: Recipe = field(default_factory=Recipe)
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse what nothing can be trained from, before any work is done."""
        if self.engine.kind != "transformers":
            raise InputError(
                f"engine.kind must be transformers, whose weights can be trained, got {self.engine.kind!r}"
            )
        if self.out is None or not self.out.strip():
            raise InputError("out names no directory: give out=DIR, where checkpoints and the model are written")
