"""The schemas of ``tts train``; YAML in ``configs/train/`` and ``key=value`` overrides fill them."""

from __future__ import annotations

from dataclasses import dataclass, field

from evals.tasks import TaskConfig
from tts.engines.config import EngineConfig
from tts.errors import InputError
from tts.pool.join import run_numbers
from tts.training.finece.recipe import FineceRecipe
from tts.training.finece.tree import TreeConfig
from tts.training.grace.recipe import GraceRecipe
from tts.training.heads.recipe import HeadRecipe
from tts.training.reward.recipe import RewardRecipe
from tts.training.tiny.recipe import TinyRecipe


@dataclass
class TrainingConfig:
    """The keys of every training from graded responses.

    Attributes:
        task: the problems and their prompts.
        engine: the base model, and how its responses are drawn.
        pool: graded responses of the base model; null draws them into the directory ``out``.
        run: the run of that pool, where it holds several, or several to join, such as "1,2"; null: the latest.
        out: the directory to write.
    """

    task: TaskConfig = field(default_factory=lambda: TaskConfig(split="train", questions=2000))
    engine: EngineConfig = field(default_factory=EngineConfig)
    pool: str | None = None
    run: str | None = None
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse a configuration that no model can be trained from, before any work is done."""
        if self.engine.kind != "transformers":
            raise InputError(
                f"engine.kind must be transformers, whose weights can be trained, got {self.engine.kind!r}"
            )
        check_out(self.out)
        _ = self.runs

    @property
    def runs(self) -> tuple[int, ...] | None:
        """The numbers of the runs to read; None for the latest."""
        return None if self.run is None else run_numbers(self.run)


@dataclass
class AnswersConfig(TrainingConfig):
    """The keys of every training from whole graded responses.

    Attributes:
        samples: responses to a problem, where they are drawn, >= 1.
    """

    samples: int = 8

    def __post_init__(self) -> None:
        """Refuse a configuration that no model can be trained from, before any work is done."""
        if self.samples < 1:
            raise InputError(f"samples must be at least 1, got {self.samples}")
        super().__post_init__()


@dataclass
class GraceConfig(AnswersConfig):
    """The configuration of ``tts train grace``.

    Attributes:
        recipe: the recipe.
    """

    recipe: GraceRecipe = field(default_factory=GraceRecipe)


@dataclass
class HeadConfig(AnswersConfig):
    """The configuration of ``tts train head``.

    Attributes:
        recipe: the recipe.
    """

    recipe: HeadRecipe = field(default_factory=HeadRecipe)


@dataclass
class RewardConfig(AnswersConfig):
    """The configuration of ``tts train reward``.

    Attributes:
        recipe: the recipe.
    """

    recipe: RewardRecipe = field(default_factory=RewardRecipe)


@dataclass
class FineceConfig(TrainingConfig):
    """The configuration of ``tts train finece``; its pool holds completions of prefixes.

    Attributes:
        tree: how prefixes are found and labelled, where they are drawn.
        answers: a pool of further graded responses of the base model, without prefixes; null: none.
        recipe: the recipe.
    """

    task: TaskConfig = field(default_factory=lambda: TaskConfig(split="train", questions=1000))
    tree: TreeConfig = field(default_factory=TreeConfig)
    answers: str | None = None
    recipe: FineceRecipe = field(default_factory=FineceRecipe)


@dataclass
class TinyConfig:
    """The configuration of ``tts train tiny``.

    Attributes:
        recipe: the recipe.
        share: share of the recipe's steps, in (0, 1]: less for a quick trial.
        device: cpu, cuda, mps or auto.
        out: the directory to write.
    """

    recipe: TinyRecipe = field(default_factory=TinyRecipe)
    share: float = 1.0
    device: str = "auto"
    out: str | None = None

    def __post_init__(self) -> None:
        """Refuse a configuration that no model can be trained from, before any work is done."""
        if not 0 < self.share <= 1:
            raise InputError(f"share must be above 0 and at most 1, got {self.share}")
        check_out(self.out)


def check_out(out: str | None) -> None:
    """Refuse a configuration without a directory to write.

    Raises:
        InputError: ``out`` is None or blank.
    """
    if out is None or not out.strip():
        raise InputError("out names no directory: give out=DIR, where checkpoints and the model are written")
