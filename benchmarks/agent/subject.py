"""The model that the rows of the table are measured on: the bundled GrACE model, or a directory that answers SVAMP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.smollm2.reasoner import BARE
from benchmarks.workloads.workload import Workload, open_workload
from tts.agent.opening import Parts, configured, open_parts
from tts.errors import InputError
from tts.models.resolve import BUNDLED
from tts.prompts import Prompt
from tts.stories.stories import take
from tts.types import Problem

TEMPERATURE = 0.8
SPLITS: Mapping[int, Literal["test", "calibration"]] = {74: "calibration", 82: "calibration"}
"""The half of SVAMP by the seed of the stories in whose place its questions stand; other seeds take the test half."""


@dataclass(frozen=True)
class Subject:
    """A model with its scorer and its questions.

    Attributes:
        model: a bundled model, or a directory.
        scorer: gives texts and samples their confidence.
        config: the YAML file with the prompt and the engine of a directory's model.
        out: the folder of pools and fitted files.
        alpha: the share of wrong answers that promises allow.
    """

    model: str = "grace"
    scorer: str = "grace"
    config: Path = BARE
    out: Path = Path("out/agent")
    alpha: float = 0.1

    @property
    def bundled(self) -> bool:
        """True for a bundled model, which answers stories."""
        return self.model in BUNDLED

    @property
    def workload(self) -> Workload:
        """The model's questions and prompt."""
        return _workload(self.model, self.config)

    @property
    def prompt(self) -> Prompt:
        """The model's prompt."""
        return self.workload.prompt

    @property
    def folder(self) -> Path:
        """The folder of pools and fitted files, which is there."""
        found = self.out if self.bundled else self.out / self.workload.name
        found.mkdir(parents=True, exist_ok=True)
        return found

    def count(self, most: int, fraction: float) -> int:
        """Return a number of questions: a fraction of the most, and no more than there are."""
        found = max(1, round(most * fraction))
        return found if self.bundled else min(found, len(self.workload.questions) // 2)

    def questions(self, count: int, *, seed: int) -> list[Problem]:
        """Return questions that no promise is fitted on, and others for some seeds.

        Raises:
            InputError: SVAMP is not there, or has fewer.
        """
        if self.bundled:
            return [Problem(f"{seed}-{i}", s.question, s.answer) for i, s in enumerate(take("test", count, seed=seed))]
        return self.workload.take(SPLITS.get(seed, "test"), count)

    def keys(self, split: str, count: int) -> list[str]:
        """Return the task and the engine, as `tts sample` takes them.

        Args:
            split: "test" or "calibration".
            count: the number of questions.
        """
        plain = [f"engine.signals.{key}" for key in ("top=0", "entropy=false", "certainty=false")]
        if self.bundled:
            task = [f"task.split={split}", f"task.questions={count}"]
            return ["configs/task/stories.yaml", "configs/model/grace.yaml", *plain, *task]
        confidence = ["engine.signals.confidence=true"] if self.scorer == "grace" else []
        file = self.file(split, count)
        return [str(file), str(self.config), f"engine.model={self.model}", *plain, *confidence]

    def file(self, split: str, count: int) -> Path:
        """Return a file with questions of a directory's model."""
        path = self.folder / f"{split}-{count}.jsonl"
        rows = ({"id": p.id, "question": p.question, "answer": p.gold} for p in self.workload.take(split, count))
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        return path

    def parts(self, **settings: Any) -> Parts:
        """Return the open model, shared by calls with equal settings.

        Args:
            settings: keys of a solver's configuration, such as ``strategy``.
        """
        keys = {"model": self.model, "temperature": TEMPERATURE, "max_batch_size": 64, **settings}
        strategy, scorer = keys.pop("strategy", None), None if self.bundled else self.scorer
        config, _ = configured("benchmark", None if self.bundled else self.config, strategy, scorer, keys)
        return open_parts(config)


@cache
def _workload(model: str, config: Path) -> Workload:
    return open_workload(model, config=config)


def check(subject: Subject) -> Subject:
    """Return a subject whose model and scorer belong together.

    Raises:
        InputError: no such model or data, or the scorer reads a confidence token that the model lacks.
    """
    if subject.scorer == "grace" and subject.workload.card is None:
        raise InputError(
            f"--scorer grace reads a confidence token and {subject.model} has none: give a model of `tts train grace`, "
            "or another scorer, such as mean_logprob"
        )
    return subject
