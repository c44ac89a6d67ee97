"""The outcome of a live run: what was played and drawn, and where the samples are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from evals.live.draws import DrawCounts, count_draws, joined
from evals.live.plan import Plan
from evals.live.pool_run import PoolRun, of_one_run
from evals.live.runner import Played
from evals.tasks import Task
from tts.runtime.driver import Result


@dataclass(frozen=True)
class RunPart:
    """The strategies of one model and one scorer within a run.

    Attributes:
        model: the model's name.
        revision: its revision or fingerprint; empty where none is known.
        plan: the strategies and the scorer.
        played: one entry per strategy, in the order of the plan.
        pool: where the samples are.
    """

    model: str
    revision: str
    plan: Plan
    played: Sequence[Played]
    pool: PoolRun


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of :func:`run_strategies`.

    Attributes:
        task: the task that was played.
        parts: one a model and scorer, the run's own first; all of them play the same questions, and those of one
            model share draws.
        started: when drawing began, in UTC.
        seconds: the time that drawing and scoring took, without loading models.
    """

    task: Task
    parts: Sequence[RunPart]
    started: datetime
    seconds: float

    @property
    def played(self) -> list[Played]:
        """The strategies of all parts."""
        return [played for part in self.parts for played in part.played]

    @cached_property
    def runs(self) -> list[tuple[PoolRun, DrawCounts]]:
        """The runs of the pool, each once, with the numbers of their draws by all parts that share them."""
        found = []
        for number in dict.fromkeys(part.pool.number for part in self.parts):
            sharing = [part for part in self.parts if part.pool.number == number]
            results = (result for part in sharing for played in part.played for result in played.results)
            found.append((of_one_run([part.pool for part in sharing]), count_draws(results, self.task.grade)))
        return found

    @property
    def draws(self) -> DrawCounts:
        """The numbers of the draws of all runs."""
        return joined(draws for _, draws in self.runs)

    @property
    def path(self) -> Path:
        """The pool file that holds every sample."""
        return self.parts[0].pool.path

    @property
    def skipped(self) -> Mapping[str, str]:
        """The strategies of "all" that cannot be played, with the reason."""
        return {name: why for part in reversed(self.parts) for name, why in part.plan.skipped.items()}


@dataclass(frozen=True)
class SampleOutcome:
    """Samples drawn into a pool: one result per problem, in the order of the problems, and where they are.

    Attributes:
        results: one per problem.
        pool: where the samples are.
        draws: their numbers.
    """

    results: Sequence[Result]
    pool: PoolRun
    draws: DrawCounts
