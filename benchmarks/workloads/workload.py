"""The questions, prompt and sampling of a serving benchmark: stories for a bundled model, SVAMP for a directory."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.smollm2.reasoner import BARE, data_folder, source_of
from evals.config import RunConfig
from evals.tasks import load_task
from tts.answers import extract_gsm8k
from tts.config.load import load_config
from tts.engines.sampling import Sampling
from tts.errors import InputError
from tts.models.bundled import weights
from tts.models.grace import NAME, GraceCard, read_card
from tts.models.resolve import BUNDLED, resolve
from tts.prompts import Prompt
from tts.runtime.options import Extract
from tts.stories.stories import take
from tts.types import Problem

SEED = 7
"""Chooses the questions."""


@dataclass(frozen=True)
class Workload:
    """A model, and the questions that it is asked.

    Attributes:
        model: a bundled model, or a directory.
        folder: of the model.
        prompt: turns a problem into the model's input.
        sampling: how tokens are drawn.
        extract: reads the canonical answer from a text.
        dtype: float32 or bfloat16.
        questions: all questions of a directory's model, in random order; none of a bundled one, whose are drawn.
    """

    model: str
    folder: Path
    prompt: Prompt = field(default_factory=Prompt)
    sampling: Sampling = field(default_factory=Sampling)
    extract: Extract = lambda problem, text: extract_gsm8k(text)
    dtype: str = "float32"
    questions: Sequence[Problem] = ()

    @property
    def name(self) -> str:
        """The model's name at a server."""
        return Path(self.model).name

    @property
    def card(self) -> GraceCard | None:
        """The card of the model's confidence token; None where it has none."""
        return read_card(self.folder) if (self.folder / NAME).is_file() else None

    @property
    def shown(self) -> str:
        """The model, the questions and the precision in words."""
        asked = "SVAMP" if self.questions else "stories"
        return f"{self.model}, {asked}, T = {self.sampling.temperature}, {self.dtype}"

    def take(self, split: str, count: int) -> list[Problem]:
        """Return questions of the split "test" or "calibration", which share none.

        Raises:
            InputError: there are not as many.
        """
        if not self.questions:
            return [Problem(f"{split}-{i}", s.question, s.answer) for i, s in enumerate(take(split, count, seed=SEED))]
        if count > len(self.questions) // 2:
            raise InputError(
                f"{count} questions of the split {split} were asked for and it has {len(self.questions) // 2}, "
                "half of SVAMP: ask for fewer"
            )
        return list(self.questions[:count] if split == "test" else self.questions[len(self.questions) - count :])


def open_workload(model: str, *, config: Path = BARE, dtype: str = "float32", temperature: float = 0.8) -> Workload:
    """Return the workload of a model.

    Args:
        model: a bundled model, or a directory of one.
        config: the YAML file whose prompt and length of samples a model of a directory takes.
        dtype: float32 or bfloat16.
        temperature: of the draws.

    Raises:
        InputError: no such model, or SVAMP is not there.
    """
    if model in BUNDLED:
        return Workload(model, weights(model), sampling=Sampling(temperature), dtype=dtype)
    if not isinstance(folder := resolve(model), Path):
        raise InputError(f"--model {model}: no such directory; give one, or {', '.join(BUNDLED)}")
    keys = (*source_of("svamp", data_folder()), f"engine.model={model}", f"engine.temperature={temperature}")
    run = load_config(RunConfig, [config], keys)
    task = load_task(run.task, engine=run.engine)
    questions = random.Random(SEED).sample(task.problems, len(task.problems))
    return Workload(model, folder, task.prompt, run.engine.sampling, task.extract, dtype, questions)
